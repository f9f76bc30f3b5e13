"""Show and choose where the logs of executions go."""

from __future__ import annotations

from pathlib import Path

from kitaru._engine.output import log_folders
from kitaru.models import LogPlace, LogStore


def show() -> LogStore:
    """Return the folder of new logs, and what is in it and in earlier ones."""
    folders = log_folders.folders()
    places = [_place(folder) for folder in folders]
    return LogStore(
        folder=str(folders[0]),
        is_default=folders[0] == log_folders.default_folder(),
        places=tuple(p for p in places if p.logs or p.folder == str(folders[0])),
    )


def choose(folder: str) -> LogStore:
    """Let new logs go to a folder; logs that exist stay where they are.

    Raises:
        KitaruUsageError: If it is no folder or cannot be written; nothing changes then.
    """
    log_folders.set_folder(Path(folder))
    return show()


def reset() -> LogStore:
    """Let new logs go to the default folder again."""
    log_folders.reset()
    return show()


def _place(folder: Path) -> LogPlace:
    logs = log_folders.logs_in(folder)
    sizes = [_size(log) for log in logs]
    return LogPlace(folder=str(folder), logs=len(logs), size=sum(sizes))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        # Cleaned up a moment ago.
        return 0
