"""Who works here, as others are told."""

from __future__ import annotations

from zenml.client import Client
from zenml.enums import StoreType

from kitaru._engine.settings import person


def name() -> str:
    """Return the ZenML user of a server, or `user@host` where the store is a file."""
    client = Client()
    if client.zen_store.type is StoreType.SQL:
        # Every store that is a file has the same one user.
        return person.here()
    return client.active_user.name
