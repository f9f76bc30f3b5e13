"""Rows of ZenML's local store, as ZenML itself would write them, without importing it."""
