"""What a checkpoint call was, and whether it counts again."""
