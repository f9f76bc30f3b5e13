"""In which folder the log of an execution is.

New logs go to the folder that is set. A log that exists stays where it is and is
continued there; every folder that was ever set is looked into.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kitaru._engine.disk import private
from kitaru._engine.settings import settings_file
from kitaru._engine.settings.folders import own_folder
from kitaru.errors import KitaruBackendError, KitaruUsageError

_KEY = "log_store"
_SUFFIX = ".jsonl"
# ZenML's word for the log of the process that runs a flow.
SHOWN_AS = "orchestrator"


def default_folder() -> Path:
    """Return where logs go unless something else is set."""
    return own_folder() / "logs"


def folders() -> list[Path]:
    """Return the folder of new logs, then those where older ones may be."""
    settings = settings_file.read()
    found = (_current(settings), *_earlier(settings), default_folder())
    return list(dict.fromkeys(found))


def path_of(execution_id: str) -> Path:
    """Return the log of an execution: where it is, else where it is going to be."""
    try:
        known = folders()
    except KitaruBackendError:
        # Settings that cannot be read must not keep an execution from going on.
        known = [default_folder()]
    new, *older = (folder / f"{execution_id}{_SUFFIX}" for folder in known)
    if new.exists():
        return new
    return next((path for path in older if path.exists()), new)


def show(log: Path, folder: Path) -> Path:
    """Let ZenML show a log, too: a second name of the file, in an artifact store.

    Where the two folders are on different disks there is none, and ZenML shows no log.

    Args:
        log: The log; it exists.
        folder: The folder of the execution in the artifact store, made if need be.

    Returns:
        The second name.
    """
    name = shown_in(folder)
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        name.hardlink_to(log)
    return name


def shown_in(folder: Path) -> Path:
    """Return the second name that a log has in the folder of its execution."""
    return folder / f"log{_SUFFIX}"


def shown_below(folder: Path) -> list[Path]:
    """Return what is shown of the logs of single checkpoints of an execution."""
    return sorted(folder.glob(f"*/{shown_in(folder).name}"))


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

    settings_file.change(change)


def reset() -> None:
    """Let new logs go to the default folder again."""
    settings_file.change(lambda settings: _set(settings, default_folder()))


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
    return Path(_entry(settings).get("folder") or default_folder())


def _earlier(settings: Mapping[str, Any]) -> list[Path]:
    return [Path(text) for text in _entry(settings).get("earlier", [])]


def _entry(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    entry = settings.get(_KEY, {})
    if not isinstance(entry, dict):
        raise KitaruBackendError(
            f"{_KEY!r} in {settings_file.path()} is not an object; mend it or take it out"
        )
    return entry


def _try(folder: Path) -> None:
    try:
        private.make_folder(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise KitaruUsageError(
            f"logs cannot go to {folder}: {error.strerror or error}; choose a folder that "
            "can be made and written. Nothing was changed"
        ) from None
