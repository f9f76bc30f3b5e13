"""What a wait asks, and which answers fit."""
