"""What comes with the package beside its code: documentation and skills, as files."""
