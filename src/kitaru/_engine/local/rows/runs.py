"""The rows of an execution itself: pipeline, snapshot, run, and how the run ends."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from kitaru._core.calls.records import OUTPUT
from kitaru._core.calls.statuses import check_unchanged
from kitaru._core.flows import run_statuses
from kitaru._core.flows.facts import ExecutionFacts
from kitaru._core.secrecy import masking
from kitaru._core.settings import labels
from kitaru._core.settings.labels import Labels
from kitaru._core.sources import FlowSource
from kitaru._engine.local.rows import forms, notes, packages, tags
from kitaru._engine.local.rows.store_rows import (
    StoreRows,
    Transaction,
    stored_id,
    stored_moment,
)
from kitaru._engine.local.store.file import TAG
from kitaru._engine.output import log_folders
from kitaru._engine.port.engine import KeyTakenError
from kitaru._engine.settings import folders
from kitaru.errors import KitaruBackendError
from kitaru.models import ExecutionStatus, FailureOrigin

# What the dashboard shows as done of a team's first steps.
_FIRST_RUN = "pipeline_run"


@dataclass(frozen=True, slots=True)
class NewRun:
    """An execution that begins.

    Attributes:
        flow: Name of the flow; the pipeline's name.
        source: Where the flow comes from.
        code: The source of the flow, for people.
        shown_inputs: The flow's arguments, for people.
        facts: What another process needs to go on with it.
        execution_id: The id that it will have.
        original: The execution that it replays.
    """

    flow: str
    source: FlowSource
    code: str
    shown_inputs: Mapping[str, Any]
    facts: ExecutionFacts
    execution_id: str
    original: str | None = None

    @property
    def snapshot(self) -> NewSnapshot:
        """What ZenML keeps of how it was started."""
        return NewSnapshot(
            self.flow,
            self.source,
            self.code,
            self.shown_inputs,
            self.facts.to_dict(),
            self.facts.labels,
        )


@dataclass(frozen=True, slots=True)
class NewSnapshot:
    """What ZenML keeps of how a run was started, or is to be.

    Attributes:
        flow: Name of the flow; the pipeline's name.
        source: Where the flow comes from.
        code: The source of the flow, for people.
        shown_inputs: The flow's arguments, for people.
        facts: What it carries for Kitaru.
        found_by: The key and the tags of its run.
    """

    flow: str
    source: FlowSource
    code: str
    shown_inputs: Mapping[str, Any]
    facts: Mapping[str, Any]
    found_by: Labels = field(default_factory=Labels)


def create(store: StoreRows, new: NewRun) -> None:
    """Make the run of an execution, not started yet.

    Raises:
        KitaruBackendError: If the store refuses; nothing was made.
        KeyTakenError: If there is an execution of its key; nothing was made.
    """
    with store.transaction(f"starting flow {new.flow!r}") as rows:
        pipeline = pipeline_of(rows, new.flow)
        made = snapshot(rows, store, new.snapshot, pipeline, {})
        run(rows, new, pipeline, made)


def run(rows: Transaction, new: NewRun, pipeline: str, snapshot_id: str) -> None:
    """Make a run of a snapshot, not started yet.

    Args:
        rows: The transaction.
        new: The execution.
        pipeline: Its pipeline.
        snapshot_id: The snapshot.

    Raises:
        KeyTakenError: If there is an execution of its key; the transaction made nothing.
    """
    found_by = new.facts.labels
    name = name_of(found_by)
    if name is not None:
        _refuse_taken(rows, found_by.key or "", name)
    begun = datetime.now(UTC)
    run_id = stored_id(new.execution_id)
    rows.insert(
        "pipeline_run",
        rows.row(run_id)
        | {
            "name": name or f"{new.flow}-{begun:%Y_%m_%d-%H_%M_%S_%f}",
            "orchestrator_run_id": str(uuid4()),
            "start_time": stored_moment(begun),
            "in_progress": 1,
            "status": "initializing",
            "index": _next_index(rows, pipeline),
            "enable_heartbeat": 0,
            "orchestrator_environment": "{}",
            "snapshot_id": snapshot_id,
            "user_id": rows.user,
            "project_id": rows.project,
            "pipeline_id": pipeline,
            "original_run_id": stored_id(new.original) if new.original else None,
        },
    )
    tags.attach(rows, [TAG, *found_by.tags], run_id, "pipeline_run")
    notes.attach(rows, found_by.attributes, (run_id, "pipeline_run"))


def name_of(found_by: Labels) -> str | None:
    """Return what a run of a key is called: no other one of the project can be."""
    return None if found_by.key is None else labels.run_name(found_by.key)


def _refuse_taken(rows: Transaction, key: str, name: str) -> None:
    query = "SELECT 1 FROM pipeline_run WHERE name = ? AND project_id = ?"
    if rows.one(query, name, rows.project):
        raise KeyTakenError(key)


def pipeline_of(rows: Transaction, name: str) -> str:
    """Return the pipeline of a flow, which is made if need be."""
    query = "SELECT id FROM pipeline WHERE name = ? AND project_id = ?"
    found: str | None = rows.one(query, name, rows.project)
    if found is not None:
        return found
    made = rows.row() | {
        "name": name,
        "project_id": rows.project,
        "user_id": rows.user,
        "run_count": 0,
    }
    rows.insert("pipeline", made)
    return str(made["id"])


def _next_index(rows: Transaction, pipeline: str) -> int:
    query = (
        "UPDATE pipeline SET run_count = run_count + 1 WHERE id = ? RETURNING run_count"
    )
    return int(rows.one(query, pipeline))


def snapshot(
    rows: Transaction,
    store: StoreRows,
    new: NewSnapshot,
    pipeline: str,
    columns: Mapping[str, Any],
) -> str:
    """Make a snapshot; return its id.

    Args:
        rows: The transaction.
        store: The store that it is of.
        new: What the snapshot says.
        pipeline: The pipeline of its flow.
        columns: More of its columns.
    """
    version = store.ground.zenml_version
    parameters = {"flow": new.source.reference, "inputs": dict(new.shown_inputs)}
    spec = forms.pipeline_spec(version, parameters)
    made = rows.row() | {
        "is_dynamic": 1,
        "pipeline_configuration": forms.pipeline_configuration(
            version, new.flow, new.facts, parameters, new.found_by.tags
        ),
        "client_environment": _environment(version),
        "run_name_template": name_of(new.found_by) or f"{new.flow}-{{date}}-{{time}}",
        "client_version": version,
        "server_version": version,
        "pipeline_version_hash": forms.version_hash(spec, new.code),
        "pipeline_spec": json.dumps(json.loads(spec), sort_keys=True),
        "source_code": new.code,
        "user_id": rows.user,
        "project_id": rows.project,
        "stack_id": stored_id(store.ground.stack_id),
        "pipeline_id": pipeline,
        "step_count": 0,
        **columns,
    }
    rows.insert("pipeline_snapshot", made)
    return str(made["id"])


def _environment(version: str) -> str:
    """Return what ZenML notes of the machine, but for the packages."""
    return json.dumps(
        {
            "environment": "native",
            "os": platform.system().lower(),
            "python_version": platform.python_version(),
            "zenml_version": version,
        }
    )


def note_packages(store: StoreRows, execution_id: str) -> None:
    """Add the installed packages to what is noted of the machine."""
    listed = listed_packages()
    with store.transaction("noting the installed packages") as rows:
        made = rows.one(
            "SELECT snapshot_id FROM pipeline_run WHERE id = ?", stored_id(execution_id)
        )
        put_packages(rows, made, listed)


def listed_packages() -> str:
    """Return the installed packages as ZenML lists them."""
    return packages.listed(folders.own_folder() / "packages.txt")


def put_packages(rows: Transaction, snapshot_id: str, listed: str) -> None:
    """Add the installed packages to what a snapshot says of the machine."""
    rows.db.execute(
        "UPDATE pipeline_snapshot SET client_environment = "
        "json_set(client_environment, '$.python_packages', ?) WHERE id = ?",
        (listed, snapshot_id),
    )


# -- statuses --------------------------------------------------------------------


def show(
    store: StoreRows, execution_id: str, status: str, reason: str | None = None
) -> None:
    """Show what an execution does: ZenML's word for it, and why."""
    with store.transaction(
        f"showing that execution {execution_id} is {status}"
    ) as rows:
        set_status(rows, execution_id, status, reason)


def begin(store: StoreRows, execution_id: str, log: Path) -> None:
    """Show that an execution runs, and where its log is.

    Args:
        store: The store.
        execution_id: The execution.
        log: Its log, in the artifact store.
    """
    with store.transaction(f"showing that execution {execution_id} runs") as rows:
        set_status(rows, execution_id, "running")
        run_id = stored_id(execution_id)
        query = "SELECT count(*) FROM logs WHERE pipeline_run_id = ?"
        if not rows.one(query, run_id):
            rows.insert(
                "logs",
                rows.row()
                | {
                    "uri": str(log),
                    "source": log_folders.SHOWN_AS,
                    "project_id": rows.project,
                    "user_id": rows.user,
                    "pipeline_run_id": run_id,
                    "artifact_store_id": stored_id(store.ground.artifact_store_id),
                },
            )


def mark_resuming(
    store: StoreRows, execution_id: str, *, seen: ExecutionStatus
) -> None:
    """Mark a failed or waiting run as one that goes on; one that queues is marked.

    Raises:
        KitaruStateError: If it is not any more as it was seen.
    """
    with store.transaction(f"continuing execution {execution_id}") as rows:
        now = word(rows, execution_id)
        check_unchanged(execution_id, seen, run_statuses.meaning(now))
        if now != "resuming":
            set_status(rows, execution_id, "resuming")


def end(
    store: StoreRows,
    execution_id: str,
    status: str,
    reason: str | None = None,
    *,
    exception: str | None = None,
    result: str | None = None,
) -> None:
    """Show how an attempt ended.

    Args:
        store: The store.
        execution_id: The execution.
        status: ZenML's word for it.
        reason: Why, for people.
        exception: The traceback of a failure.
        result: The id of the artifact version that the flow returned.
    """
    with store.transaction(f"ending execution {execution_id}") as rows:
        run_id = stored_id(execution_id)
        if result is not None:
            rows.db.execute(
                "DELETE FROM pipeline_run_output WHERE pipeline_run_id = ?", (run_id,)
            )
            rows.insert(
                "pipeline_run_output",
                rows.row()
                | {
                    "name": OUTPUT,
                    "output_index": 0,
                    "pipeline_run_id": run_id,
                    "artifact_id": result,
                },
            )
        if exception is not None:
            rows.db.execute(
                "UPDATE pipeline_run SET exception_info = ? WHERE id = ?",
                (exception, run_id),
            )
        set_status(rows, execution_id, status, reason)


def fail(
    store: StoreRows,
    execution_id: str,
    origin: FailureOrigin | None,
    message: str,
    traceback: str | None = None,
) -> None:
    """Show that an execution has failed, and why."""
    shown = None if traceback is None else masking.text(traceback)
    end(
        store,
        execution_id,
        "failed",
        run_statuses.reason(origin, message),
        exception=None
        if shown is None
        else exception_info(shown, masking.text(message)),
    )


def is_stopped(store: StoreRows, execution_id: str) -> bool:
    """Whether somebody has stopped a run in ZenML, where nothing ends its process.

    Raises:
        KitaruBackendError: If the store refuses.
    """
    query = "SELECT status FROM pipeline_run WHERE id = ?"
    found = store.read(query, stored_id(execution_id))
    return bool(found) and found[0][0] in run_statuses.STOPPING


def word(rows: Transaction, execution_id: str) -> str:
    """Return ZenML's word for the status of a run.

    Raises:
        KitaruBackendError: If there is no such run any more.
    """
    query = "SELECT status FROM pipeline_run WHERE id = ? AND parent_run_id IS NULL"
    found: str | None = rows.one(query, stored_id(execution_id))
    if found is None:
        raise KitaruBackendError(
            f"the run of execution {execution_id} is not in ZenML any more: somebody "
            "deleted it there"
        )
    return found


def set_status(
    rows: Transaction, execution_id: str, status: str, reason: str | None = None
) -> None:
    """Change the status of a run as ZenML would: only a failed one goes on.

    Raises:
        KitaruBackendError: If it has ended otherwise.
    """
    before = word(rows, execution_id)
    if before in ("stopping", "stopped") and status == "failed":
        status = "stopped"
    if is_over(before) and before not in ("failed", status):
        raise KitaruBackendError(
            f"execution {execution_id} is {before} in ZenML: somebody has ended it there"
        )
    over = is_over(status)
    rows.db.execute(
        "UPDATE pipeline_run SET status = ?1, in_progress = ?2, updated = ?3, "
        # The end of an earlier attempt goes when another one begins.
        "end_time = CASE WHEN ?2 THEN NULL ELSE coalesce(end_time, ?3) END, "
        "status_reason = CASE WHEN ?4 IS NOT NULL THEN ?4 "
        "WHEN status = ?1 OR status = 'stopping' THEN status_reason END "
        "WHERE id = ?5",
        (status, int(not over), rows.now, reason, stored_id(execution_id)),
    )
    if over:
        _note_first_run(rows)


def is_over(status: str) -> bool:
    """Whether a run of that status has ended."""
    return run_statuses.meaning(status).is_finished and status not in (
        "stopping",
        "cancelling",
    )


def _note_first_run(rows: Transaction) -> None:
    known = json.loads(rows.one("SELECT onboarding_state FROM server_settings") or "[]")
    if _FIRST_RUN not in known:
        rows.db.execute(
            "UPDATE server_settings SET onboarding_state = ?, updated = ?",
            (json.dumps([*known, _FIRST_RUN]), rows.now),
        )


def exception_info(traceback: str, message: str | None = None) -> str:
    """Return what ZenML keeps of an exception."""
    said = {
        "traceback": traceback,
        "source": None,
        "message": message,
        "user_code_line": None,
    }
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False)
