"""In which folder the log of an execution is.

New logs go to the folder that is set. A log that exists stays where it is and is
continued there; every folder that was ever set is looked into.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kitaru._engine.settings import change_settings, read_settings
from kitaru._engine.zenml.environment import own_folder
from kitaru.errors import KitaruUsageError

_KEY = "log_store"
_SUFFIX = ".jsonl"


def default_folder() -> Path:
    """Return where logs go unless something else is set."""
    return own_folder() / "logs"


def folders() -> list[Path]:
    """Return the folder of new logs, then those where older ones may be."""
    settings = read_settings()
    found = (_current(settings), *_earlier(settings), default_folder())
    return list(dict.fromkeys(found))


def path_of(execution_id: str) -> Path:
    """Return the log of an execution: where it is, else where it is going to be."""
    new, *older = (folder / f"{execution_id}{_SUFFIX}" for folder in folders())
    if new.exists():
        return new
    return next((path for path in older if path.exists()), new)


def logs_in(folder: Path) -> list[Path]:
    """Return the logs in a folder; none if it cannot be read."""
    try:
        return sorted(folder.glob(f"*{_SUFFIX}"))
    except OSError:
        return []


def set_folder(folder: Path) -> None:
    """Let new logs go to a folder, which is made if need be.

    Raises:
        KitaruUsageError: If it is no folder or cannot be written; nothing changes then.
    """
    chosen = folder.expanduser().absolute()
    _try(chosen)

    def change(settings: dict[str, Any]) -> None:
        _set(settings, chosen)

    change_settings(change)


def reset() -> None:
    """Let new logs go to the default folder again."""
    change_settings(lambda settings: _set(settings, default_folder()))


def _set(settings: dict[str, Any], folder: Path) -> None:
    older = [_current(settings), *_earlier(settings)]
    kept = [str(o) for o in dict.fromkeys(older) if o not in (folder, default_folder())]
    entry: dict[str, Any] = {"earlier": kept} if kept else {}
    if folder != default_folder():
        entry["folder"] = str(folder)
    settings.pop(_KEY, None)
    if entry:
        settings[_KEY] = entry


def _current(settings: Mapping[str, Any]) -> Path:
    return Path(settings.get(_KEY, {}).get("folder") or default_folder())


def _earlier(settings: Mapping[str, Any]) -> list[Path]:
    return [Path(text) for text in settings.get(_KEY, {}).get("earlier", [])]


def _try(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise KitaruUsageError(
            f"logs cannot go to {folder}: {error.strerror or error}; choose a folder that "
            "can be made and written. Nothing was changed"
        ) from None
