"""ZenML's stacks: find, create, check."""
