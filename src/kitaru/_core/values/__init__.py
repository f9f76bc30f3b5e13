"""How values become bytes, and what tells values apart."""
