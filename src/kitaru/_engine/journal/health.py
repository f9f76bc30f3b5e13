"""Look at SQLite files without changing, making or repairing them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kitaru._engine.journal import sealing

_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """What there is of a database, and what is wrong with it.

    `is_damaged` is `False` for a problem of reading it: it may be whole.
    """

    exists: bool = False
    size: int = 0
    problem: str | None = None
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class JournalCounts:
    """How much a journal holds."""

    executions: int
    calls: int
    unprojected: int


def check(path: Path) -> DatabaseHealth:
    """Return size and integrity of a database; reads all of it."""
    if not path.exists():
        return DatabaseHealth()
    size = sum(part.stat().st_size for part in _parts(path) if part.exists())
    try:
        with _opened(path) as database:
            # Not the quick one: it does not miss rows that only an index has lost.
            (verdict,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict == "ok":
                verdict = _broken_seal(database) or verdict
    except (sqlite3.Error, OSError) as error:
        # A locked database, or a folder that cannot be written, says nothing of it.
        is_damaged = not isinstance(error, (sqlite3.OperationalError, OSError))
        return DatabaseHealth(True, size, problem=str(error), is_damaged=is_damaged)
    if verdict == "ok":
        return DatabaseHealth(True, size)
    return DatabaseHealth(
        True, size, problem=str(verdict).splitlines()[0], is_damaged=True
    )


def _broken_seal(database: sqlite3.Connection) -> str | None:
    """Return of which table of a journal a row is not as it was written, if one is."""
    sealing.teach(database)
    for table in sealing.SEALED:
        columns = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
        if "sum" not in columns:
            continue
        query = f"SELECT 1 FROM {table} WHERE NOT {sealing.intact(table)} LIMIT 1"
        if database.execute(query).fetchone():
            return f"a row of {table!r} does not match its checksum"
    return None


def journal_counts(path: Path) -> JournalCounts | None:
    """Return how much a journal holds, `None` if it cannot be read."""
    try:
        with _opened(path) as database:
            row = database.execute(
                "SELECT (SELECT count(*) FROM executions), (SELECT count(*) FROM calls),"
                " (SELECT count(*) FROM calls WHERE projected <> 1)"
            ).fetchone()
    except (sqlite3.Error, OSError):
        return None
    return JournalCounts(*row)


def journal_executions(path: Path, beginning: str) -> list[tuple[str, str]]:
    """Return ids that begin so, with their flows; none if it cannot be read."""
    try:
        with _opened(path) as database:
            return database.execute(
                "SELECT execution_id, coalesce(json_extract(body, '$.flow'), '')"
                " FROM executions WHERE substr(execution_id, 1, ?1) = ?2"
                " ORDER BY execution_id LIMIT 200",
                (len(beginning), beginning),
            ).fetchall()
    except (sqlite3.Error, OSError):
        return []


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    # `as_uri` quotes what has a meaning in URIs.
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE)) as database:
        yield database


def _parts(path: Path) -> tuple[Path, ...]:
    return (path, path.with_name(f"{path.name}-wal"))
