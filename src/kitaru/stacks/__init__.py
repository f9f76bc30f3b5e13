"""What a stack is: its settings per platform, and the recipe they come to."""
