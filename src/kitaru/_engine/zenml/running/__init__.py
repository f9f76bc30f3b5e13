"""Start executions and run them in this process."""
