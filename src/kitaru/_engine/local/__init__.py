"""The local ZenML store, read and written without importing ZenML."""
