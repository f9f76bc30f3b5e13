"""Kitaru measured beside its references: `python -m benchmarks`."""
