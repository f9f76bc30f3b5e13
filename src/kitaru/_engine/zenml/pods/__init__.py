"""Executions of remote stacks: what pods do and need."""
