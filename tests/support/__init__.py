"""What the suites on real local ZenML share."""
