"""The tables of the journal; each step to a newer format adds what is not there yet."""

from __future__ import annotations

VERSION = 4

TABLES = """
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
  started TEXT NOT NULL, heartbeat REAL NOT NULL
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
CREATE TABLE IF NOT EXISTS runners (
  host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,
  execution_id TEXT NOT NULL, pool TEXT NOT NULL, busy_since REAL,
  PRIMARY KEY (host, pid, started, execution_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS own (execution_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
