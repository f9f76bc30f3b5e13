"""The answers to waits in the journal's database: the first one stands."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kitaru._core.waits import notices
from kitaru._core.waits.answered import Answer
from kitaru._engine.journal import sealing
from kitaru.errors import KitaruStateError

# What is due at once: going on with an answer.
UNTAKEN = "answered"
# What is to be told to a webhook or the alerter of the stack, what will be when its wait
# is over, and that somebody is to be reminded.
NOTICE, ALERT, LATER, REMIND = "notice", "alert", "later", "remind"
NEVER = 4_000_000_000.0


def put(
    db: sqlite3.Connection, wait_id: str, execution_id: str, body: Mapping[str, Any]
) -> bool:
    """Store an answer, or nothing where there is one; return whether it is stored."""
    done = db.execute(
        "INSERT INTO answers (wait_id, execution_id, body) VALUES (?,?,?) "
        "ON CONFLICT (wait_id) DO NOTHING",
        (wait_id, execution_id, json.dumps(body)),
    )
    # It waits for nothing more; whoever comes second finds it decided.
    db.execute("DELETE FROM due WHERE due_id = ?", (wait_id,))
    if done.rowcount > 0:
        _let_tell(db, wait_id, body)
    return done.rowcount > 0


def _let_tell(db: sqlite3.Connection, wait_id: str, answer: Mapping[str, Any]) -> None:
    """Let those be told that a wait is over who were told of it."""
    db.execute("DELETE FROM due WHERE due_id = ?", (remind_id(wait_id),))
    rows = db.execute(
        "SELECT due_id, body FROM due WHERE due_id IN (?, ?) AND kind = ?",
        (*(notice_id(wait_id) + mark for mark in notices.MARKS), LATER),
    ).fetchall()
    for due_id, text in rows:
        told = json.loads(text)
        payload = notices.over(told.pop("asked"), Answer.from_dict(answer))
        body = {**told, "payload": payload, "attempts": 0}
        db.execute(
            "UPDATE due SET kind = ?, at = ?, body = ? WHERE due_id = ?",
            (kind_of(told["url"]), _now(), json.dumps(body), due_id),
        )


def kind_of(url: str | None) -> str:
    """Return the kind of what is to be told by a webhook, or without one."""
    return ALERT if url is None else NOTICE


def remind_id(wait_id: str) -> str:
    """Return under what is noted that somebody is to be reminded of a wait."""
    return f"{wait_id}.remind"


def _now() -> float:
    # Moments are compared for being the same: no finer than a `datetime` tells them.
    return datetime.now(UTC).timestamp()


def notice_id(wait_id: str) -> str:
    """Return under what is noted that somebody is told when a wait is over."""
    return f"{wait_id}.over"


def untaken(db: sqlite3.Connection, execution_id: str) -> None:
    """Note that nobody has gone on with an answer; others may still be open."""
    db.execute(
        "INSERT INTO due (due_id, execution_id, kind, at, body) VALUES (?,?,?,?,'{}') "
        "ON CONFLICT (due_id) DO NOTHING",
        (untaken_id(execution_id), execution_id, UNTAKEN, _now()),
    )


def untaken_id(execution_id: str) -> str:
    """Return under what that is noted among what is due."""
    return f"{UNTAKEN}:{execution_id}"


def second(db: sqlite3.Connection, wait_id: str, execution_id: str) -> KitaruStateError:
    """Return what whoever comes second is told: who was faster, somebody or the clock."""
    stands = read(db, wait_id) or {}
    if stands.get("over"):
        what = f"is over since {stands.get('at')}"
    else:
        what = "was answered by somebody else a moment ago"
    return KitaruStateError(
        f"the wait of execution {execution_id} {what}; nothing was changed"
    )


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
