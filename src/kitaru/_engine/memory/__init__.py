"""The engine for tests: nothing outlives the process."""
