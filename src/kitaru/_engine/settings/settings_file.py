"""Kitaru's own settings: one JSON file in the configuration folder.

Readers see the file before or after a change, never in between; writers take turns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kitaru._engine.disk import durable_files, locks, private
from kitaru._engine.settings.folders import own_folder
from kitaru.errors import KitaruBackendError


def path() -> Path:
    """Return the place of the settings."""
    return own_folder() / "settings.json"


def read() -> dict[str, Any]:
    """Return all settings; none if nothing was ever set.

    Raises:
        KitaruBackendError: If the file cannot be read or is damaged.
    """
    place = path()
    with _translated(place):
        if not place.exists():
            return {}
        data = json.loads(place.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise _damaged(place, "it holds no JSON object")
    return data


def change(alter: Callable[[dict[str, Any]], None]) -> None:
    """Let `alter` work on the settings, and store them; all of it or nothing.

    Raises:
        KitaruBackendError: If the file cannot be read or written.
    """
    place = path()
    with _translated(place):
        private.make_folder(place.parent)
    with _translated(place), locks.held(place.parent / "settings.lock"):
        settings = read()
        alter(settings)
        text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
        durable_files.write(place, text.encode())


@contextmanager
def _translated(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KitaruBackendError(
            f"the settings {place} cannot be read or written: "
            f"{error.strerror or error}; make the folder writable, or set "
            "KITARU_CONFIG_PATH to one that is"
        ) from error
    except ValueError as error:
        raise _damaged(place, str(error)) from error


def _damaged(place: Path, why: str) -> KitaruBackendError:
    return KitaruBackendError(
        f"the settings {place} are damaged ({why}); mend the file or move it away"
    )
