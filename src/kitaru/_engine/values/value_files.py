"""Keep the bytes of values: small ones inline, large ones in files.

A file is written beside its place, flushed and renamed, so a name that exists holds
the whole value. Every read checks the content hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from kitaru._core.calls.records import StoredValue
from kitaru._core.values import codec
from kitaru._core.values.codec import Encoded
from kitaru._core.values.tagging import Permit
from kitaru._engine.disk import durable_files, private
from kitaru._engine.disk.durable_files import Draft
from kitaru._engine.values import saved_files
from kitaru.errors import KitaruBackendError, KitaruRuntimeError

INLINE_LIMIT = 65_536
# File systems take 255 bytes; a content hash goes behind it.
MAX_FOLDER_NAME = 200
EXTENSIONS = {
    "json": "json",
    "tagged": "json",
    "text": "txt",
    "bytes": "bin",
    "pickle": "pkl",
    "numpy": "npy",
    "parquet": "parquet",
}


def is_of_another_machine(folder: str) -> bool:
    """Whether a value is in a local folder that is not on this machine."""
    return Path(folder).is_absolute() and not Path(folder).is_dir()


class Unplaced(NamedTuple):
    """A value that is to be in a file, and the names its file gets."""

    value: StoredValue
    owner: str
    name: str


class FileValues:
    """Values of one execution below a local folder."""

    def __init__(self, folder: Path, *, inline_limit: int = INLINE_LIMIT) -> None:
        self.folder = folder
        self._inline_limit = inline_limit

    def put(self, encoded: Encoded, *, owner: str, name: str) -> StoredValue:
        """Keep the bytes: inline up to the limit, else in a flushed file."""
        if len(encoded.payload) <= self._inline_limit:
            return inline(encoded)
        stored = describe(encoded)
        path = self.path_of(stored, owner=owner, name=name)
        self._write(path, encoded.payload)
        return at(stored, str(path))

    def put_file(self, path: Path, *, owner: str, name: str) -> StoredValue:
        """Keep the content of a file, without reading it into memory."""
        with self._draft() as file:
            stored = saved_files.copied(path, name, file.write)
            target = self.path_of(stored, owner=owner, name=name)
            file.become(target)
        return at(stored, str(target))

    def _write(self, path: Path, data: bytes) -> None:
        with self._draft() as file:
            file.write(data)
            file.become(path)

    @contextmanager
    def _draft(self) -> Iterator[Draft]:
        """Yield a file to write; an artifact store may be there for several users."""
        with (
            self._writing(),
            durable_files.draft(self.folder, mode=private.BY_UMASK) as file,
        ):
            yield file

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise KitaruBackendError(
                f"{self.folder} cannot be written: {error}; make room or check the "
                "permissions, then retry the execution"
            ) from error

    def path_of(self, value: StoredValue, *, owner: str, name: str) -> Path:
        """Return the file for a value: one folder each, named by its content."""
        return self.folder / relative_path(value, owner=owner, name=name)

    def place_all(self, those: Sequence[Unplaced]) -> list[str]:
        """Return the files of values, which are on disk then: bytes get files, too."""
        places, missing = [], {}
        for value, owner, name in those:
            if value.uri is not None:
                places.append(value.uri)
                continue
            path = self.path_of(value, owner=owner, name=name)
            places.append(str(path))
            if not _is_whole(path, value):
                missing[path] = value.payload or b""
        with self._writing():
            durable_files.write_together(missing, self.folder, mode=private.BY_UMASK)
        return places

    def get(self, value: StoredValue, *, what: str) -> bytes:
        """Return the bytes after checking their hash.

        Raises:
            KitaruRuntimeError: If they are missing or damaged; names what and where.
        """
        if value.payload is not None:
            return checked(value, value.payload, what, "the journal")
        if value.uri is None:
            raise KitaruRuntimeError(f"{what} has no stored bytes; {RECOMPUTE}")
        try:
            data = Path(value.uri).read_bytes()
        except FileNotFoundError as error:
            raise KitaruRuntimeError(
                f"{what} is missing: {value.uri} does not exist; {RECOMPUTE}"
            ) from error
        except OSError as error:
            raise KitaruBackendError(f"{what} cannot be read: {error}") from error
        return checked(value, data, what, value.uri)


def _is_whole(path: Path, value: StoredValue) -> bool:
    """Whether a file is there with all its bytes; power may have failed meanwhile."""
    try:
        return path.stat().st_size == value.size
    except OSError:
        return False


def relative_path(value: StoredValue, *, owner: str, name: str) -> str:
    """Return where a value is below the folder of its execution."""
    leaf = f"{folder_name(name)}-{value.content_hash[:12]}"
    return f"{folder_name(owner)}/{leaf}/{file_name(value)}"


def folder_name(name: str) -> str:
    """Return a folder name for any valid name: no separators, dots or overlong ones."""
    quoted = quote(name, safe="").replace(".", "%2E")
    if len(quoted) <= MAX_FOLDER_NAME:
        return quoted
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{quoted[: MAX_FOLDER_NAME - 17]}-{digest}"


def file_name(value: StoredValue) -> str:
    """Return `data.<serializer>.<extension>`; the serializer can be read off it."""
    if value.serializer == "json":
        return "data.json"
    if value.file_name is not None:
        return f"data.{value.serializer}.{value.file_name}"
    return f"data.{value.serializer}.{EXTENSIONS.get(value.serializer, 'bin')}"


def serializer_of(file: str) -> str:
    """Return the serializer that `file_name` put into a file's name."""
    return Path(file).name.split(".")[1]


def original_name(file: str) -> str | None:
    """Return the own name of a saved file, which `file_name` put behind its serializer."""
    _, serializer, *rest = Path(file).name.split(".")
    return ".".join(rest) if serializer == saved_files.SERIALIZER else None


def describe(encoded: Encoded, payload: bytes | None = None) -> StoredValue:
    """Return the description of encoded bytes, without a place."""
    return StoredValue(
        serializer=encoded.serializer,
        type_name=encoded.type_name,
        content_hash=encoded.content_hash,
        size=len(encoded.payload),
        payload=payload,
    )


def load(value: StoredValue, data: bytes, permit: Permit) -> object:
    """Return the value that its checked bytes stand for.

    Raises:
        KitaruUsageError: If they need code to run, and `permit` does not allow it.
    """
    if value.serializer == saved_files.SERIALIZER:
        return saved_files.local_copy(value, data)
    return codec.decode(value.serializer, data, permit)


def inline(encoded: Encoded) -> StoredValue:
    """Return encoded bytes as a value that holds them itself."""
    return describe(encoded, encoded.payload)


def at(value: StoredValue, uri: str) -> StoredValue:
    """Return the value with its bytes at `uri`."""
    return replace(value, payload=None, uri=uri)


def checked(value: StoredValue, data: bytes, what: str, where: str) -> bytes:
    """Return `data` if it has the recorded hash."""
    if hashlib.sha256(data).hexdigest() != value.content_hash:
        raise KitaruRuntimeError(
            f"{what} is damaged: the content of {where} does not have the recorded "
            f"hash {value.content_hash[:12]}…; {RECOMPUTE}"
        )
    return data


RECOMPUTE = "replay from a checkpoint at or before it to compute it again"
