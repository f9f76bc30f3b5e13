"""Which server, project and stack."""
