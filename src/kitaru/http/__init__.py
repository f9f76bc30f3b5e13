"""The HTTP surface of the local server: what a process of its own does for a request."""
