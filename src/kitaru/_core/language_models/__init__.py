"""Aliases, settings and prompts of language models."""
