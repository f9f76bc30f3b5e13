"""The `kitaru` command: parse, call one operation, render."""
