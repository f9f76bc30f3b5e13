"""Outcomes as ZenML's steps and artifacts."""
