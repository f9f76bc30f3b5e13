"""What comes with the package beside its code: documentation, skills and examples, as files."""
