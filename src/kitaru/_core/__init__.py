"""Pure rules: no ZenML, no files, no clock."""
