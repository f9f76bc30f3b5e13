"""What can be removed, and removing it."""
