"""Waits as ZenML's wait conditions."""
