"""Where things are, for `kitaru info`."""

from __future__ import annotations

from typing import Any

from kitaru._engine.local.store.ground import Ground, OnlyZenMLKnows
from kitaru._engine.settings import folders


def describe(ground: Ground) -> dict[str, Any]:
    """Return connection, stack, versions and paths as plain data.

    Raises:
        OnlyZenMLKnows: If there may be a local server.
    """
    ours = folders.own_folder() / "server" / "server.json"
    for left in (ours, folders.config_folder() / "zen_server"):
        if left.exists():
            raise OnlyZenMLKnows(f"{left} may be of a server that runs")
    return {
        "connection": "local",
        "store": f"sqlite:///{ground.database}",
        "chosen_by": "default",
        "user": ground.user,
        "project": ground.project,
        "stack": ground.stack,
        "local_server": None,
        "zenml_version": ground.zenml_version,
        "server_version": None,
        "config_folder": str(folders.config_folder()),
        "journal": str(folders.journal_path()),
    }
