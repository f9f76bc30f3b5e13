"""Waits as rows of wait conditions, and their answers.

The journal has decided which answer stands before one is shown here.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

from kitaru._core.flows.metadata_keys import ANSWER_KEY
from kitaru._core.waits import condition_names
from kitaru._core.waits.answered import Answer, for_zenml
from kitaru._core.waits.condition_names import base_name
from kitaru._core.waits.terms import Terms
from kitaru._engine.local.rows import notes, runs
from kitaru._engine.local.rows.store_rows import StoreRows, Transaction, stored_id
from kitaru._engine.port.execution import Question


def ask(
    store: StoreRows, execution_id: str, question: Question, name: str, terms: Terms
) -> tuple[str, datetime]:
    """Make a wait; return its id and when that was.

    Args:
        store: The store.
        execution_id: The execution.
        question: What is asked.
        name: The name of the wait in ZenML, where names are unique in a run.
        terms: When it is over.
    """
    schema = question.schema
    with store.transaction(f"opening wait {question.name!r}") as rows:
        made = rows.row() | {
            "run_id": stored_id(execution_id),
            "project_id": rows.project,
            "user_id": rows.user,
            "type": "external_input",
            "status": "pending",
            "name": name,
            "question": question.text,
            "data_schema_json": None if schema is None else json.dumps(dict(schema)),
        }
        rows.insert("run_wait_condition", made)
        wait_id = str(made["id"])
        noted = {
            **question.metadata,
            **condition_names.own_metadata(question.calls_before, terms),
        }
        notes.attach(rows, noted, (wait_id, "wait_condition"))
    return str(UUID(wait_id)), datetime.fromisoformat(rows.now).replace(tzinfo=UTC)


def follow(store: StoreRows, execution_id: str, wait_id: str, answer: Answer) -> None:
    """Let a wait say what was decided, whatever it says now."""
    row = stored_id(wait_id)
    result = None if answer.value is None else json.dumps(answer.value)
    resolution = "abort" if answer.aborted else "continue"
    with store.transaction(f"showing the answer to wait {wait_id}") as rows:
        found = rows.all(
            "SELECT name, status, resolution, result_json FROM run_wait_condition "
            "WHERE id = ?",
            (row,),
        )
        if not found:
            # Somebody has deleted the run in ZenML.
            return
        name, status, *said = found[0]
        if status == "resolved" and said == [resolution, result]:
            return
        resolved_at = "?" if status == "pending" else "coalesce(resolved_at, ?)"
        rows.db.execute(
            "UPDATE run_wait_condition SET status = 'resolved', resolution = ?, "
            f"result_json = ?, resolved_at = {resolved_at}, updated = ?, "
            "resolved_by_user_id = ? WHERE id = ?",
            (resolution, result, rows.now, rows.now, rows.user, row),
        )
        _note(rows, execution_id, row, base_name(name), answer)
        if answer.aborted and not runs.is_over(runs.word(rows, execution_id)):
            reason = "Wait condition was aborted."
            runs.set_status(rows, execution_id, "stopped", reason)


def _note(
    rows: Transaction, execution_id: str, row: str, name: str, answer: Answer
) -> None:
    """Keep with run and wait who answered, and through what."""
    notes.attach(
        rows,
        {f"{ANSWER_KEY}{name}": for_zenml(answer)},
        (stored_id(execution_id), "pipeline_run"),
        (row, "wait_condition"),
    )
