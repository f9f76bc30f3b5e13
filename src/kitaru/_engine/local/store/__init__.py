"""ZenML's local store as a file: which one it is, what it says, how a first one is made."""
