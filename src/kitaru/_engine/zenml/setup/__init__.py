"""Import ZenML, translate its errors."""
