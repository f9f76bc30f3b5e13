"""Deployed versions of flows: their names, facts and tags, and inputs without the flow."""
