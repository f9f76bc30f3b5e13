"""Values and saved files on disk."""
