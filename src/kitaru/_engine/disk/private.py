"""Files and folders that only the user may open, whatever the umask says."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

FILE = 0o600
FOLDER = 0o700
# Readable for whom the umask lets.
BY_UMASK = 0o666
_OTHERS = 0o077


def opener(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file for `open(..., opener=)`; a new one is the user's alone."""
    return os.open(path, flags, FILE)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, closed to others; what is there stays as is."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=FOLDER, exist_ok=True)


def make_file(path: Path) -> None:
    """Make a file, closed to others, or close the one that is there."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE))
        return
    _close(path)


def close_folder(folder: Path, names: Iterable[str]) -> None:
    """Close a folder to others, and what is below some names in it.

    The folder itself is the last: once it is closed there is nothing to do, so this
    costs one look. What belongs to other users stays as it is.
    """
    # A link to it is as good.
    folder = folder.resolve()
    if not (folder.is_dir() and _is_open(folder)):
        return
    for name in names:
        path = folder / name
        for parent, _, files in os.walk(path):
            for file in files:
                _close(Path(parent, file))
            _close(Path(parent))
        _close(path)
    _close(folder)


def _is_open(path: Path) -> bool:
    """Whether others may do something with what is the user's."""
    try:
        found = path.lstat()
    except OSError:
        return False
    if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid():
        return False
    return bool(found.st_mode & _OTHERS)


def _close(path: Path) -> None:
    if _is_open(path):
        # It may be gone by now, or on a disk that is read-only.
        with suppress(OSError):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)
