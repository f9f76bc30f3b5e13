"""Texts for people: near names, refusals, pages."""
