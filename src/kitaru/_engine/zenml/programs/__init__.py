"""Processes that are started by name; nothing imports them."""
