"""The few rows of ZenML's store that say that an execution goes on, or a wait is over.

They become what ZenML itself would make of them; a test compares the rows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

from kitaru._core.flows import run_statuses
from kitaru._core.flows.metadata_keys import ANSWER_KEY
from kitaru._core.waits.answered import Answer, for_zenml
from kitaru._engine.local.ground import Ground, OnlyZenMLKnows
from kitaru.errors import KitaruStateError
from kitaru.models import ExecutionStatus, PendingWait

_PATIENCE = 5.0
_RESUME = """
UPDATE pipeline_run SET status = 'resuming', status_reason = NULL, in_progress = 1,
  end_time = NULL, updated = ? WHERE id = ?"""
_RESOLVE = """
UPDATE run_wait_condition SET status = 'resolved', resolution = 'continue',
  result_json = ?, resolved_at = ?, updated = ?, resolved_by_user_id = ?
WHERE id = ? AND status = 'pending'"""
_NOTE = """
INSERT INTO run_metadata (id, created, updated, user_id, project_id, key, value, type)
VALUES (?, ?, ?, ?, ?, ?, ?, 'dict')"""
_LINK = """
INSERT INTO run_metadata_resource (id, resource_id, resource_type, run_metadata_id)
VALUES (?, ?, ?, ?)"""


def resuming(ground: Ground, execution_id: str) -> None:
    """Mark a failed or waiting run as one that goes on.

    Raises:
        KitaruStateError: If it has ended otherwise.
        OnlyZenMLKnows: If it does something else, or the store cannot be written.
    """
    run_id = UUID(execution_id).hex
    with _writing(ground) as db:
        word = _word(db, run_id)
        status = run_statuses.meaning(word)
        if status in (ExecutionStatus.COMPLETED, ExecutionStatus.CANCELLED):
            raise KitaruStateError(
                f"execution {execution_id} cannot go on: it was {status.value} meanwhile"
            )
        if word == "resuming":
            # One that queued before is marked.
            return
        if word not in ("failed", "paused"):
            raise OnlyZenMLKnows(f"execution {execution_id} is {word}")
        db.execute(_RESUME, (_now(), run_id))


def answered(ground: Ground, wait: PendingWait, answer: Answer) -> None:
    """Mark a wait as answered, and note with it and its run by whom and through what.

    Raises:
        OnlyZenMLKnows: If it is over in the store, or that cannot be written.
    """
    assert wait.exec_id is not None  # waits of an engine know their execution
    wait_id, now, note_id = UUID(wait.wait_id).hex, _now(), uuid4().hex
    user, project = UUID(ground.user_id).hex, UUID(ground.project_id).hex
    result = None if answer.value is None else json.dumps(answer.value)
    note = json.dumps(for_zenml(answer))
    with _writing(ground) as db:
        if not db.execute(_RESOLVE, (result, now, now, user, wait_id)).rowcount:
            raise OnlyZenMLKnows(f"wait {wait.wait_id} is over")
        key = f"{ANSWER_KEY}{wait.name}"
        db.execute(_NOTE, (note_id, now, now, user, project, key, note))
        run_id = UUID(wait.exec_id).hex
        for resource, kind in ((run_id, "pipeline_run"), (wait_id, "wait_condition")):
            db.execute(_LINK, (uuid4().hex, resource, kind, note_id))


@contextmanager
def _writing(ground: Ground) -> Iterator[sqlite3.Connection]:
    """Make the `with` body one transaction, or nothing."""
    try:
        with closing(
            sqlite3.connect(ground.database, timeout=_PATIENCE, isolation_level=None)
        ) as db:
            db.execute("BEGIN IMMEDIATE")
            # Closing takes back what was not committed.
            yield db
            db.execute("COMMIT")
    except sqlite3.Error as error:
        raise OnlyZenMLKnows(f"the store cannot be written: {error}") from error


def _word(db: sqlite3.Connection, run_id: str) -> str:
    rows = db.execute(
        "SELECT status FROM pipeline_run WHERE id = ? AND parent_run_id IS NULL",
        (run_id,),
    ).fetchall()
    if not rows:
        raise OnlyZenMLKnows(f"there is no run {run_id} of its own")
    return str(rows[0][0])


def _now() -> str:
    """Return the moment as ZenML's store has moments: UTC, without saying so."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
