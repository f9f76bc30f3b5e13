"""Manage service accounts and their API keys."""

from __future__ import annotations

from kitaru._engine.open import current_engine
from kitaru._engine.port.accounts import Accounts


def accounts() -> Accounts:
    """Return the accounts of the server that this process is connected to.

    Raises:
        KitaruStateError: If there is no server.
    """
    return current_engine().accounts
