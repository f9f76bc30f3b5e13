"""Accounts, keys and secrets."""
