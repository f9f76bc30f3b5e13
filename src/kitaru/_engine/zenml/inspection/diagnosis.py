"""Where things are, for `kitaru status`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import zenml
from zenml.client import Client

from kitaru._engine.settings import folders
from kitaru._engine.zenml.connection.connection import ZenMLConnections


def describe(journal: Path) -> dict[str, Any]:
    """Return connection, stack, versions and paths as plain data."""
    connections = ZenMLConnections()
    connection = connections.current()
    server = connections.local_server()
    return {
        "connection": connection.kind,
        "store": connection.url,
        "chosen_by": connection.chosen_by,
        "user": connection.user,
        "project": connection.project,
        "stack": Client().active_stack_model.name,
        "local_server": server.url if server else None,
        "zenml_version": zenml.__version__,
        "server_version": connection.server_version,
        "config_folder": str(folders.config_folder()),
        "journal": str(journal),
    }
