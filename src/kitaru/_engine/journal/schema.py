"""The tables of the journal, and how those of an earlier format become today's."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from kitaru._engine.journal import sealing
from kitaru.errors import KitaruBackendError

SCHEMA_VERSION = 6

_SCHEMA = """
CREATE TABLE IF NOT EXISTS executions (
  execution_id TEXT PRIMARY KEY, body TEXT NOT NULL,
  cancel INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
  seq INTEGER PRIMARY KEY,
  execution_id TEXT NOT NULL, invocation_id TEXT NOT NULL,
  body TEXT NOT NULL, payloads BLOB, cache_key TEXT,
  caught INTEGER NOT NULL DEFAULT 0, projected INTEGER NOT NULL DEFAULT 0,
  UNIQUE (execution_id, invocation_id)
);
CREATE INDEX IF NOT EXISTS cached ON calls (cache_key) WHERE cache_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS notes (
  execution_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (execution_id, key)
);
CREATE TABLE IF NOT EXISTS leases (
  execution_id TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL,
  started TEXT NOT NULL, heartbeat REAL NOT NULL,
  space TEXT NOT NULL DEFAULT '', steady REAL, token INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
  wait_id TEXT PRIMARY KEY, execution_id TEXT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ended (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, execution_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS queue (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  execution_id TEXT NOT NULL UNIQUE, pool TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS places (
  host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,
  space TEXT NOT NULL, execution_id TEXT NOT NULL, pool TEXT NOT NULL,
  busy_since REAL,
  PRIMARY KEY (host, pid, started, space, execution_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS due (
  due_id TEXT PRIMARY KEY, execution_id TEXT NOT NULL, kind TEXT NOT NULL,
  at REAL NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS due_at ON due (at);
CREATE TABLE IF NOT EXISTS breakpoints (
  execution_id TEXT NOT NULL, selector TEXT NOT NULL,
  matched INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (execution_id, selector)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS schedules (
  project TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (project, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS own (execution_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""

# What format 4 added to tables of earlier ones, and to all that are sealed. Processes of
# an earlier version that still run go on with their statements, and with `runners`.
_ADDED = {
    "leases": {
        "space": "TEXT NOT NULL DEFAULT ''",
        "steady": "REAL",
        "token": "INTEGER NOT NULL DEFAULT 0",
    }
}


def bring_up(db: sqlite3.Connection, path: Path) -> None:
    """Create what is missing.

    Raises:
        KitaruBackendError: If a newer version has written the journal.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise KitaruBackendError(
            f"the journal {path} was written by a newer kitaru (format {version}, "
            f"this one knows {SCHEMA_VERSION}); upgrade kitaru"
        )
    if version == SCHEMA_VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        for table in sealing.SEALED:
            _add(db, table, {**_ADDED.get(table, {}), "sum": sealing.COLUMN})
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _add(db: sqlite3.Connection, table: str, columns: Mapping[str, str]) -> None:
    # Another process may have come first.
    known = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    for name in columns.keys() - known:
        db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")
