"""What SQLite and the disk refuse, said with a next step."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kitaru._engine.journal.sealing import SealBroken
from kitaru.errors import KitaruBackendError

BUSY_SECONDS = 60
NO_MATCH = "it does not match its checksum"


class translated:  # a function to its users; a class costs a third of a generator
    """Turn errors of SQLite and the disk into ours, with a next step.

    Args:
        path: The file of the database.
        named: What the database is called.
    """

    __slots__ = ("_named", "_path")

    def __init__(self, path: Path, named: str = "the journal") -> None:
        self._path = path
        self._named = named

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(
        self, _kind: object, error: BaseException | None, _trace: object
    ) -> None:
        if isinstance(error, SealBroken):
            raise _damaged(self._path, str(error), NO_MATCH) from error
        if isinstance(error, sqlite3.DatabaseError | OSError):
            message = f"{self._named} {self._path} {_what_happened(error)}"
            raise KitaruBackendError(message) from error


@contextmanager
def understood(path: Path, what: str) -> Iterator[None]:
    """Turn what a damaged row makes of its reader into an error of ours."""
    try:
        yield
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        reason = str(error) if type(error) is ValueError else type(error).__name__
    except KitaruBackendError as error:
        reason = str(error)
    else:
        return
    raise _damaged(path, what, reason) from SealBroken(what)


def is_of_a_row(error: KitaruBackendError) -> bool:
    """Whether an error is about one damaged row, so that others can be read."""
    return isinstance(error.__cause__, SealBroken)


def _damaged(path: Path, what: str, reason: str) -> KitaruBackendError:
    return KitaruBackendError(
        f"the journal {path} is damaged: what it says of {what} cannot be read "
        f"({reason}). Other executions are not touched by it; put back a copy of the "
        "file, or run that flow anew"
    )


def _what_happened(error: sqlite3.DatabaseError | OSError) -> str:
    text = str(error)
    if isinstance(error, OSError):
        full = error.errno == errno.ENOSPC
        advice = (
            "make room" if full else "check that the folder exists and can be written"
        )
        return f"cannot be used: {text}; {advice}"
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.DataError):
        return f"cannot be used: {text}"
    if not isinstance(error, sqlite3.OperationalError):
        return (
            f"is damaged ({text}); put back a copy of the file, or move it away to start "
            "afresh"
        )
    if "decode" in text:
        return f"is damaged ({text}); put back a copy of the file"
    if "locked" in text or "busy" in text:
        advice = "another process holds it; try again"
    elif "full" in text:
        advice = "the disk is full; make room and retry the execution"
    elif "disk I/O" in text:
        advice = "the disk is full or failing; make room, then try again"
    else:
        advice = "check that the folder exists and can be written"
    return f"refused: {text}; {advice}"
