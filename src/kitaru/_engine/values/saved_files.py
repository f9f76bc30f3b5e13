"""Files as values: `save(name, Path(...))` keeps the content, loading gives a copy."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from kitaru._core.calls.records import StoredValue
from kitaru.errors import KitaruUsageError

SERIALIZER = "file"
_CHUNK = 1024 * 1024


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


def copied(path: Path, name: str, write: Callable[[bytes], object]) -> StoredValue:
    """Give the content of a file to `write`, piece by piece; describe what was given.

    Others may write to the file meanwhile: what counts is what was read.

    Raises:
        KitaruUsageError: If it is missing, a folder, or cannot be read.
    """
    digest = hashlib.sha256()
    size = 0
    for piece in _pieces(checked(path, name), name):
        digest.update(piece)
        size += len(piece)
        write(piece)
    return StoredValue(
        serializer=SERIALIZER,
        type_name="pathlib:Path",
        content_hash=digest.hexdigest(),
        size=size,
        file_name=path.name,
    )


def _pieces(path: Path, name: str) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                yield piece
    except OSError as error:
        raise KitaruUsageError(
            f"save({name!r}): {path} cannot be read: {error.strerror or error}"
        ) from error


def local_copy(value: StoredValue, data: bytes) -> Path:
    """Return a file of this process with the content, under its own name.

    It is removed when the process ends.
    """
    folder = Path(_folder().name) / value.content_hash[:16]
    # A name only, whatever somebody wrote there.
    name = Path(value.file_name or "").name
    path = folder / (name if name not in ("", "..") else "file")
    folder.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="kitaru-")
