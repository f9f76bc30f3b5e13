"""Executions and values as users see them."""
