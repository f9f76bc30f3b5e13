"""A store that ZenML makes by itself, in a process without Kitaru."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import store

_MAKE = "from zenml.client import Client; print(Client().zen_store.config.database)"


def store_in(folder: Path) -> Path:
    """Return the database of a store made in an empty folder; takes seconds."""
    home = folder / "home"
    environment = store.child_environment(folder / "config", home)
    made = subprocess.run(
        [sys.executable, "-c", _MAKE],
        env=environment
        | {
            "ZENML_CONFIG_PATH": str(folder / "config"),
            "ZENML_ANALYTICS_OPT_IN": "false",
        },
        cwd=home,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return Path(made.stdout.splitlines()[-1])
