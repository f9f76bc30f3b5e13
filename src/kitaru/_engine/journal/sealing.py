"""Seals on the rows of the journal: a flipped bit is found, and not taken for a fact.

A row has a checksum over its columns in `sum`. Triggers of the connection write it with
the row, whatever statement writes that; who reads asks for `intact(table)` as well, and
refuses the row or leaves it out. A table that is to be sealed needs a line in `SEALED`.

What an earlier version has written has no seal and is taken as it is. Payloads have
hashes of their own, a request to cancel is a number that no flip makes of another, and
an id in `own` that is not as it was is nobody's.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import cache
from zlib import crc32

# A row without a seal. As long as one, so that a row keeps its size when it is sealed.
UNSEALED = 1 << 62
COLUMN = f"INTEGER NOT NULL DEFAULT {UNSEALED}"

# Compared as numbers: how a number looks as text is up to the version of SQLite.
_MOMENTS = frozenset({"heartbeat", "steady", "busy_since", "at"})


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a table that are sealed: its primary key, and others."""

    key: tuple[str, ...]
    others: tuple[str, ...] = ()


_PROCESS = ("host", "pid", "started", "space")
SEALED = {
    "executions": Table(("execution_id",), ("body",)),
    "calls": Table(
        ("seq",),
        (
            "execution_id",
            "invocation_id",
            "body",
            "cache_key",
            "caught",
            "projected",
        ),
    ),
    "notes": Table(("execution_id", "key"), ("value",)),
    "leases": Table(("execution_id",), (*_PROCESS, "heartbeat", "steady", "token")),
    "answers": Table(("wait_id",), ("execution_id", "body")),
    "ended": Table(("seq",), ("execution_id",)),
    "queue": Table(("seq",), ("execution_id", "pool")),
    "due": Table(("due_id",), ("execution_id", "kind", "at", "body")),
    "breakpoints": Table(("execution_id", "selector"), ("matched",)),
    "schedules": Table(("project", "name"), ("body",)),
    "places": Table((*_PROCESS, "execution_id"), ("pool", "busy_since")),
}


class SealBroken(sqlite3.DatabaseError):
    """A row is not as it was written; says of what."""


def teach(db: sqlite3.Connection) -> None:
    """Let a connection know seals."""
    db.create_function("seal", -1, _seal, deterministic=True)


def install(db: sqlite3.Connection) -> None:
    """Let a connection seal what it writes."""
    teach(db)
    db.execute("PRAGMA temp_store=MEMORY")
    for name, table in SEALED.items():
        columns = (*table.key, *table.others)
        row = " AND ".join(f"{column} = NEW.{column}" for column in table.key)
        update = f"UPDATE {name} SET sum = {_sealed('NEW', columns)} WHERE {row}"
        for event in ("INSERT", f"UPDATE OF {', '.join(columns)}"):
            db.execute(
                f"CREATE TEMP TRIGGER seal_{name}_{event[:6]} AFTER {event} "
                f"ON main.{name} BEGIN {update}; END"
            )


@cache
def intact(name: str, row: str | None = None) -> str:
    """Return the SQL that is true of a row of a table as it was written.

    Args:
        name: The table.
        row: What the query calls it, if that is another name.
    """
    table, row = SEALED[name], row or name
    sealed = _sealed(row, (*table.key, *table.others))
    return f"{row}.sum IN ({UNSEALED}, {sealed})"


def check(is_intact: object, what: str) -> None:
    """Refuse a row that is not as it was written.

    Raises:
        SealBroken: Says what the row is about.
    """
    if not is_intact:
        raise SealBroken(what)


def _sealed(row: str, columns: tuple[str, ...]) -> str:
    # With its type: text and bytes differ by one bit. As bytes: it may be text no more.
    shown = (
        f"{row}.{column}"
        if column in _MOMENTS
        else f"CAST(typeof({row}.{column}) || {row}.{column} AS BLOB)"
        for column in columns
    )
    return f"seal({', '.join(shown)})"


def _seal(*values: bytes | float | None) -> int:
    parts = [v if type(v) is bytes else repr(v).encode() for v in values]
    # The sizes as well: "ab", "c" is not "a", "bc".
    sizes = repr([len(part) for part in parts]).encode()
    return UNSEALED + 1 + crc32(b"".join([sizes, *parts]))
