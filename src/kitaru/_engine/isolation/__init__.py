"""A checkpoint in a process of its own."""

# Pickled by these names in requests and replies of older versions.
from kitaru._engine.isolation.request import Reply as Reply
from kitaru._engine.isolation.request import Request as Request
