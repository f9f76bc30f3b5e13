"""The answers to waits in the journal's database: the first one stands."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from kitaru._engine.journal import sealing


def put(
    db: sqlite3.Connection, wait_id: str, execution_id: str, body: Mapping[str, Any]
) -> bool:
    """Store an answer, or nothing where there is one; return whether it is stored."""
    done = db.execute(
        "INSERT INTO answers (wait_id, execution_id, body) VALUES (?,?,?) "
        "ON CONFLICT (wait_id) DO NOTHING",
        (wait_id, execution_id, json.dumps(body)),
    )
    return done.rowcount > 0


def exists(db: sqlite3.Connection, wait_id: str) -> bool:
    """Whether a wait has an answer."""
    row = db.execute("SELECT 1 FROM answers WHERE wait_id = ?", (wait_id,)).fetchone()
    return row is not None


def read(db: sqlite3.Connection, wait_id: str) -> dict[str, Any] | None:
    """Return the answer to a wait.

    Raises:
        SealBroken: If it is not as it was written.
    """
    row = db.execute(
        f"SELECT {sealing.intact('answers')}, execution_id, CAST(body AS BLOB) "
        "FROM answers WHERE wait_id = ?",
        (wait_id,),
    ).fetchone()
    if row is None:
        return None
    sealing.check(row[0], f"the answer to a wait of execution {row[1]}")
    answer: dict[str, Any] = json.loads(row[2])
    return answer
