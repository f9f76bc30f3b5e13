"""What is to happen at a moment: the one clock behind expiry, timers and reminders.

Whoever lives looks here; a row says of whom and when, not what becomes of it. Something
due takes effect by one conditional write: a wait by its answer in the journal, which the
first one makes (`answers`), anything else by `take`, which one process wins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kitaru._core.waits.terms import Terms
from kitaru._engine.journal import answers, sealing
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import RECOVERY
from kitaru.models import ExecutionStatus

WAIT = "wait"
# Of no execution: of a flow that is to start.
SCHEDULE = "schedule"
# What lets an execution go on.
OF_EXECUTIONS = (WAIT, answers.UNTAKEN, RECOVERY)


@dataclass(frozen=True, slots=True)
class Due:
    """Something that is to happen.

    Attributes:
        due_id: What it is: for a wait, the id of that.
        execution_id: Of which execution.
        kind: Which kind of thing.
        at: When, in UTC.
        body: What more there is to know, as JSON data.
    """

    due_id: str
    execution_id: str
    kind: str
    at: datetime
    body: Mapping[str, Any]


def now() -> datetime:
    """Return the time that waits of this machine go by, in UTC."""
    return datetime.now(UTC)


def expect(journal: Journal, wait_id: str, execution_id: str, terms: Terms) -> None:
    """Let whoever lives look at an execution when a wait of it is over."""
    if terms.expires_at is not None:
        put(journal, Due(wait_id, execution_id, WAIT, terms.expires_at, {}))


def has_untaken(journal: Journal, execution_id: str) -> bool:
    """Whether an answer came with which nobody has gone on."""
    rows = journal.read(
        "SELECT 1 FROM due WHERE due_id = ?", (answers.untaken_id(execution_id),)
    )
    return bool(rows)


def taken(journal: Journal, execution_id: str) -> None:
    """Note that nobody has to go on with the answers that came: its runner is at work.

    Whoever only means to let it go on leaves them noted; it may die before anybody runs.
    """
    if has_untaken(journal, execution_id):
        take(journal, answers.untaken_id(execution_id))


def put(journal: Journal, due: Due) -> bool:
    """Note what is to happen, unless it is noted; return whether it was not."""
    with journal.transaction() as db:
        done = db.execute(
            "INSERT INTO due (due_id, execution_id, kind, at, body) VALUES (?,?,?,?,?) "
            "ON CONFLICT (due_id) DO NOTHING",
            (
                due.due_id,
                due.execution_id,
                due.kind,
                due.at.timestamp(),
                json.dumps(due.body),
            ),
        )
        return done.rowcount > 0


def put_off(journal: Journal, due_id: str, *, seen: datetime, until: datetime) -> bool:
    """Let something happen later; false if somebody has taken or moved it since."""
    with journal.transaction() as db:
        done = db.execute(
            "UPDATE due SET at = ? WHERE due_id = ? AND at = ?",
            (until.timestamp(), due_id, seen.timestamp()),
        )
        return done.rowcount > 0


def take(journal: Journal, due_id: str) -> bool:
    """Take something out of the table; of several who try, one does."""
    with journal.transaction() as db:
        done = db.execute("DELETE FROM due WHERE due_id = ?", (due_id,))
        return done.rowcount > 0


def until(journal: Journal, moment: datetime, *, kind: str | None = None) -> list[Due]:
    """Return what is due by a moment, the earliest first.

    Of one kind, or of all kinds that are about executions.

    A row that is not as it was written is left out: what it was about is met by
    whoever looks at its execution.
    """
    rows = journal.read(
        "SELECT due_id, execution_id, kind, at, body FROM due WHERE at <= ?1 "
        f"AND CASE WHEN ?2 IS NULL THEN kind != '{SCHEDULE}' ELSE kind = ?2 END "
        f"AND {sealing.intact('due')} ORDER BY at, due_id",
        (moment.timestamp(), kind),
    )
    return [
        Due(due_id, execution_id, kind, _moment(at), json.loads(body))
        for due_id, execution_id, kind, at, body in rows
    ]


def of_executions(journal: Journal) -> list[Due]:
    """Return what is due by now that lets an execution go on."""
    return [one for one in until(journal, now()) if one.kind in OF_EXECUTIONS]


def is_over(one: Due, status: ExecutionStatus) -> bool:
    """Whether something has no meaning any more, now that its execution has ended."""
    if one.kind == RECOVERY:
        return status.is_finished and status is not ExecutionStatus.FAILED
    return status.is_finished and one.kind in (WAIT, answers.UNTAKEN)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
