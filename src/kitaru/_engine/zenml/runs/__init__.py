"""Executions as ZenML's runs."""
