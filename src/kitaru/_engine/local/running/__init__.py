"""Runs flows on a local stack, without ZenML's runner."""
