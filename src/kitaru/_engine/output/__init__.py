"""What a flow prints and logs, and where it goes."""
