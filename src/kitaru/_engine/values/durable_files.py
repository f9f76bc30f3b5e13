"""Write and copy files so that they are whole, or not there, after a power cut."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

from kitaru._engine.values.saved_files import _CHUNK
from kitaru.errors import KitaruBackendError


def write_file(path: Path, data: bytes) -> None:
    """Write a file so that it is whole and on disk when this returns."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        grown = _make_folder(path.parent)
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.rename(path)
        except BaseException:
            # On a full disk the part that was written would take the last room.
            beside.unlink(missing_ok=True)
            raise
        for folder in (path.parent, *grown):
            _flush_folder(folder)
    except OSError as error:
        raise KitaruBackendError(
            f"{path} cannot be written: {error}; make room or check the permissions, "
            "then retry the execution"
        ) from error


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder with those above it; return the folders that got a new entry."""
    grown: list[Path] = []
    above = folder
    while not above.is_dir():
        above = above.parent
        grown.append(above)
    if grown:
        folder.mkdir(parents=True, exist_ok=True)
    return grown


def _flush_folder(folder: Path) -> None:
    """Make new entries durable (fsync(2): a folder needs a flush of its own)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_durably(source: Path, target: Path) -> None:
    """Copy a file so that it is whole and on disk when this returns."""
    beside = target.with_name(f".{os.getpid()}-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as reading, beside.open("wb") as writing:
            shutil.copyfileobj(reading, writing, _CHUNK)
            writing.flush()
            os.fsync(writing.fileno())
        beside.rename(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise KitaruBackendError(
            f"{target} cannot be written: {error}; make room or check the permissions, "
            "then retry the execution"
        ) from error
