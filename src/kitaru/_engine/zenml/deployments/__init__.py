"""Deployed versions as named snapshots of ZenML."""
