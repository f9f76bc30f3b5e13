"""Locks between processes; whoever dies gives his back."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kitaru._engine.disk import private


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Be the only one in the `with` body who holds this lock; waits for its turn.

    Raises:
        OSError: If the file of the lock cannot be made.
    """
    with open(path, "a", opener=private.opener) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
