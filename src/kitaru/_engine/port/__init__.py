"""What an engine offers."""
