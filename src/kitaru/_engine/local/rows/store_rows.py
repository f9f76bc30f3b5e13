"""The connection by which rows are written, and what all rows have in common."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from kitaru._engine.journal.refusals import translated
from kitaru._engine.local.store.ground import Ground
from kitaru._engine.settings import folders
from kitaru.errors import KitaruBackendError

# Seconds for which another writer may hold the store.
PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is written becomes visible at once, or not at all.

    Ids in it are as the store has them: 32 hexadecimal digits.
    """

    db: sqlite3.Connection
    user: str
    project: str
    now: str

    def insert(self, table: str, *rows: Mapping[str, Any]) -> None:
        """Add rows with the same columns; those that are not named are empty."""
        if not rows:
            return
        columns = ", ".join(f'"{name}"' for name in rows[0])
        places = ", ".join("?" * len(rows[0]))
        self.db.executemany(
            f"INSERT INTO {table} ({columns}) VALUES ({places})",
            [tuple(row.values()) for row in rows],
        )

    def one(self, query: str, *values: Any) -> Any:
        """Return the first value of a query, `None` if it finds nothing."""
        row = self.db.execute(query, values).fetchone()
        return row[0] if row else None

    def all(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        return self.db.execute(query, values).fetchall()

    def row(self, one_id: str | None = None) -> dict[str, Any]:
        """Return the columns with which all of ZenML's rows begin."""
        return {"id": one_id or new_id(), "created": self.now, "updated": self.now}


class StoreRows:
    """Writes rows into a local store; safe to use from several threads.

    Args:
        ground: The store, whose version is a compared one.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._version = 0

    @contextmanager
    def transaction(self, doing: str) -> Iterator[Transaction]:
        """Make the `with` body one commit, or nothing.

        Args:
            doing: What is done, for errors: `"showing 3 calls"`.

        Raises:
            KitaruBackendError: If the store refuses, or is not the compared one any more.
        """
        with self._lock, translated(self.ground.database, f"{doing}: ZenML's store"):
            db = self._connected()
            db.execute("BEGIN IMMEDIATE")
            try:
                self._check(db)
                yield Transaction(
                    db,
                    UUID(self.ground.user_id).hex,
                    UUID(self.ground.project_id).hex,
                    stored_moment(datetime.now(UTC)),
                )
                db.execute("COMMIT")
            except BaseException:
                # A full disk makes SQLite roll back by itself.
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query, which keeps no writer waiting.

        Raises:
            KitaruBackendError: If the store refuses.
        """
        doing = "looking at ZenML's store"
        with self._lock, translated(self.ground.database, doing):
            return self._connected().execute(query, values).fetchall()

    def close(self) -> None:
        """Close the connection; the next transaction opens another one."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _connected(self) -> sqlite3.Connection:
        if self._db is None:
            db = sqlite3.connect(
                f"{self.ground.database.as_uri()}?mode=rw",
                uri=True,
                timeout=PATIENCE,
                isolation_level=None,
                check_same_thread=False,
            )
            # As ZenML does: what is deleted takes with it what belongs to it.
            db.execute("PRAGMA foreign_keys = ON")
            if folders.wants_write_ahead_log():
                db.execute("PRAGMA journal_mode = WAL")
            ((self._version,),) = db.execute("PRAGMA schema_version")
            self._db = db
        return self._db

    def _check(self, db: sqlite3.Connection) -> None:
        ((version,),) = db.execute("PRAGMA schema_version")
        if version != self._version:
            raise KitaruBackendError(
                f"the tables of ZenML's store {self.ground.database} have changed since "
                "this process began; the next kitaru command shows what is missing there"
            )


def new_id() -> str:
    """Return the id of a new row."""
    return uuid4().hex


def stored_id(identifier: str) -> str:
    """Return an id as the store has it."""
    return UUID(identifier).hex


def stored_moment(when: datetime) -> str:
    """Return a moment as the store has it: UTC, without saying so."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
