"""Files as values: `save(name, Path(...))` keeps the content, loading gives a copy."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from kitaru._core.records import StoredValue
from kitaru.errors import KitaruBackendError, KitaruUsageError

SERIALIZER = "file"
_CHUNK = 1024 * 1024


def is_file_value(value: object) -> bool:
    """Whether a saved value stands for the file it names."""
    return isinstance(value, Path)


def checked(path: Path, name: str) -> Path:
    """Return the path if it is a file that can be kept.

    Raises:
        KitaruUsageError: If it is missing or a folder.
    """
    if path.is_dir():
        raise KitaruUsageError(
            f"save({name!r}): {path} is a folder; save its files, or an archive of it"
        )
    if not path.is_file():
        raise KitaruUsageError(f"save({name!r}): there is no file {path}")
    return path


def describe(path: Path) -> StoredValue:
    """Return the description of a file's content, read piece by piece."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
            size += len(piece)
    return StoredValue(
        serializer=SERIALIZER,
        type_name="pathlib:Path",
        content_hash=digest.hexdigest(),
        size=size,
        file_name=path.name,
    )


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


def local_copy(value: StoredValue, data: bytes) -> Path:
    """Return a file of this process with the content, under its own name.

    It is removed when the process ends.
    """
    folder = Path(_folder().name) / value.content_hash[:16]
    path = folder / (value.file_name or "file")
    folder.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="kitaru-")
