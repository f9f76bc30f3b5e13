"""`kitaru.llm`: aliases, requests, errors, usage."""
