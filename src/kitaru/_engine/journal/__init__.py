"""Outcomes, durable in one flush."""
