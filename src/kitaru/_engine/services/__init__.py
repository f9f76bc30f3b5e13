"""What Kitaru needs of the platform around executions: one protocol a module."""
