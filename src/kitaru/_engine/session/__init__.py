"""One attempt at running a flow's body."""
