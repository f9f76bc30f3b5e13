"""Where Kitaru's own settings lie."""
