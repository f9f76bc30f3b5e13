"""Which process runs which execution."""
