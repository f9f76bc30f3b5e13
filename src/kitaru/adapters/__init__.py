"""Agent frameworks whose model and tool calls become checkpoints."""
