"""The `kitaru-mcp` server: parse, call one operation, give records back."""
