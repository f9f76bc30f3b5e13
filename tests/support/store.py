"""One prepared local ZenML store, and copies of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tests.support.polling import DEADLINE

CONFIG_VARIABLE = "KITARU_CONFIG_PATH"
_OUTSIDE = ("KITARU_", "ZENML_")


def kitaru_command() -> Path:
    """Return the installed `kitaru` command beside this Python."""
    return Path(sys.executable).with_name("kitaru")


def is_outside(name: str) -> bool:
    """Whether a variable configures the user's own Kitaru or ZenML."""
    return name.startswith(_OUTSIDE)


def child_environment(config: Path, home: Path) -> dict[str, str]:
    """Return an environment in which nothing of the user's set-up is found."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not is_outside(name)
        # Byte code of a thousand modules halves the start of every process.
        and name not in ("PYTHONDONTWRITEBYTECODE", "NO_COLOR", "FORCE_COLOR")
    }
    return kept | {
        CONFIG_VARIABLE: str(config),
        "HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


def prepare(config: Path, home: Path) -> None:
    """Set a local store up in an empty folder; takes seconds."""
    done = subprocess.run(
        [kitaru_command(), "status"],
        env=child_environment(config, home),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for database in config.rglob("*.db"):
        # Copies are taken from the main file alone.
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def copy(prepared: Path, target: Path) -> Path:
    """Copy a prepared store; its configuration holds absolute paths."""
    shutil.copytree(prepared, target)
    file = target / "config.yaml"
    file.write_text(file.read_text().replace(str(prepared), str(target)))
    return target


def inherited(environment: Mapping[str, str]) -> list[str]:
    """Return the variables that must not reach a test."""
    return [name for name in environment if is_outside(name)]
