"""Values in artifact stores that are no local folders: S3, GCS, Azure Blob.

A store that refuses for a while must not end a flow: reads and writes are tried again
for half a minute.
"""

from __future__ import annotations

import contextvars
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

from zenml.artifact_stores import BaseArtifactStore
from zenml.client import Client
from zenml.enums import StackComponentType

from kitaru._core.calls.records import StoredValue
from kitaru._core.values.codec import Encoded
from kitaru._engine.values import saved_files, value_files
from kitaru._engine.values.value_files import FileValues, Unplaced
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import (
    KitaruBackendError,
    KitaruError,
    KitaruRuntimeError,
    KitaruUsageError,
)

logger = logging.getLogger(__name__)

# Seconds between one try and the next.
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)

# Objects written at the same time: a store takes several in the time of one.
_SIDE_BY_SIDE = 8

T = TypeVar("T")


class StoreValues:
    """Values of one execution below a place in an artifact store."""

    def __init__(self, root: str, *, inline_limit: int) -> None:
        self._root = root
        self._inline_limit = inline_limit

    def put(self, encoded: Encoded, *, owner: str, name: str) -> StoredValue:
        """Keep the bytes: inline up to the limit, else as an object of the store."""
        if len(encoded.payload) <= self._inline_limit:
            return value_files.inline(encoded)
        return self._write(value_files.describe(encoded), encoded.payload, owner, name)

    def put_file(self, path: Path, *, owner: str, name: str) -> StoredValue:
        """Keep the content of a file, without reading it into memory."""
        # The object is named by its content, which has to be known first; a copy on the
        # disk of a pod may not have the room.
        stored = saved_files.copied(path, name, lambda _: None)
        uri = self._uri(stored, owner, name)

        def copy() -> StoredValue:
            with holding(uri).open(uri, "wb") as target:
                return saved_files.copied(path, name, target.write)

        if _patiently(copy, f"writing {uri}") != stored:
            remove(uri)
            raise KitaruUsageError(
                f"save({name!r}): {path} was written to while it was saved; save it once "
                "it is complete"
            )
        return value_files.at(stored, uri)

    def place_all(self, those: Sequence[Unplaced]) -> list[str]:
        """Return the objects of values, which are there then: bytes get some, too."""
        if len(those) < 2:
            return [self._place(one) for one in those]
        with ThreadPoolExecutor(_SIDE_BY_SIDE, "kitaru-values") as pool:
            placing = [
                pool.submit(contextvars.copy_context().run, self._place, one)
                for one in those
            ]
        return [one.result() for one in placing]

    def _place(self, one: Unplaced) -> str:
        if one.value.uri is not None:
            return one.value.uri
        written = self._write(one.value, one.value.payload or b"", one.owner, one.name)
        assert written.uri is not None  # that is what was written
        return written.uri

    def get(self, value: StoredValue, *, what: str) -> bytes:
        uri = value.uri
        if value.payload is not None or uri is None or is_local(uri):
            return FileValues(Path()).get(value, what=what)

        data = read(uri, what=what)
        if data is None:
            raise KitaruRuntimeError(
                f"{what} is missing: {uri} does not exist; {value_files.RECOMPUTE}"
            )
        return value_files.checked(value, data, what, uri)

    def _write(
        self, stored: StoredValue, data: bytes, owner: str, name: str
    ) -> StoredValue:
        uri = self._uri(stored, owner, name)
        write(uri, data)
        return value_files.at(stored, uri)

    def _uri(self, stored: StoredValue, owner: str, name: str) -> str:
        return (
            f"{self._root}/{value_files.relative_path(stored, owner=owner, name=name)}"
        )


def read(uri: str, *, what: str) -> bytes | None:
    """Return the bytes of an object, `None` if there is none."""

    def load() -> bytes:
        with holding(uri).open(uri, "rb") as file:
            return bytes(file.read())

    try:
        return _patiently(load, f"reading {what}")
    except FileNotFoundError:
        return None


def write(uri: str, data: bytes) -> None:
    """Write an object; it is there as a whole or not at all."""

    def store() -> None:
        with holding(uri).open(uri, "wb") as file:
            file.write(data)

    _patiently(store, f"writing {uri}")


def remove(uri: str) -> None:
    """Remove an object that may not be there."""

    def take_away() -> None:
        with suppress(FileNotFoundError):
            holding(uri).remove(uri)

    _patiently(take_away, f"removing {uri}")


def is_local(uri: str) -> bool:
    """Whether a place is one of this machine's file system."""
    return "://" not in uri


def holding(uri: str) -> BaseArtifactStore:
    """Return the artifact store that a place is in: the active one, else any known.

    Raises:
        KitaruBackendError: If no registered artifact store holds the place.
    """
    active = Client().active_stack.artifact_store
    if uri.startswith(active.path):
        return active
    with translated("listing artifact stores"):
        found = Client().list_stack_components(
            type=StackComponentType.ARTIFACT_STORE, size=500
        )
    for component in found.items:
        if uri.startswith(str(component.configuration.get("path"))):
            return _opened(str(component.id))
    raise KitaruBackendError(
        f"no registered artifact store holds {uri}; register the one it is in again"
    )


@cache
def _opened(component_id: str) -> BaseArtifactStore:
    with translated("opening an artifact store"):
        component = Client().get_stack_component(
            StackComponentType.ARTIFACT_STORE, component_id
        )
        store = BaseArtifactStore.from_model(component)
    assert isinstance(store, BaseArtifactStore)
    return store


def _patiently(act: Callable[[], T], doing: str) -> T:
    """Act, again after a pause if the store refuses; a missing object is an answer."""
    for pause in _PAUSES:
        try:
            return act()
        except (FileNotFoundError, KitaruError):
            raise
        # Each store raises errors of its own client library.
        except Exception as error:  # noqa: BLE001
            logger.debug("%s failed, again in %s s: %s", doing, pause, error)
            time.sleep(pause)
    with translated(doing):
        return act()
