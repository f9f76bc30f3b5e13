"""Which setting wins: those of a call, a decorator, a project, a user."""

# Pickled by this name in requests of older versions.
from kitaru._core.settings.settings import Settings as Settings
