"""Values that a body saves in a process of its own; the flow's process stores them."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from kitaru._core.calls.records import StoredValue
from kitaru._core.values.codec import Encoded
from kitaru._engine.values import saved_files, value_files
from kitaru._engine.values.value_files import FileValues


class SentValues:
    """Holds values as they were when they were saved.

    Args:
        folder: Where copies of saved files lie until the flow's process has taken them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    def put(self, encoded: Encoded, *, owner: str, name: str) -> StoredValue:
        """Keep the bytes in the description: it is sent."""
        return value_files.inline(encoded)

    def put_file(self, path: Path, *, owner: str, name: str) -> StoredValue:
        """Copy a file, under its own name."""
        target = self._folder / str(next(self._numbers)) / path.name
        target.parent.mkdir()
        with target.open("wb") as copy:
            stored = saved_files.copied(path, name, copy.write)
        return value_files.at(stored, str(target))

    def get(self, value: StoredValue, *, what: str) -> bytes:
        """Return the bytes after checking their hash."""
        return FileValues(self._folder).get(value, what=what)
