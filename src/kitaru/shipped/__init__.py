"""What comes with the package beside its code: documentation, as files."""
