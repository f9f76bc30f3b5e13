"""Where things are, for `kitaru status`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import zenml
from zenml.client import Client
from zenml.enums import StoreType

from kitaru._engine.zenml import environment


def describe(journal: Path) -> dict[str, Any]:
    """Return connection, stack, versions and paths as plain data."""
    client = Client()
    store = client.zen_store
    local = store.type == StoreType.SQL
    return {
        "connection": "local" if local else "server",
        "store": store.url,
        "stack": client.active_stack_model.name,
        "project": client.active_project.name,
        "zenml_version": zenml.__version__,
        "config_folder": str(environment.config_folder()),
        "journal": str(journal),
    }
