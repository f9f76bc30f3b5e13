"""The pictures of the documentation, drawn from executions that really ran."""
