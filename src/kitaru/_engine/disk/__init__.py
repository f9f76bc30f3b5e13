"""Files on disk: whole or not there, and closed to others."""
