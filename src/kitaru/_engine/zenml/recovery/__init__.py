"""Executions whose process died or that nobody runs."""
