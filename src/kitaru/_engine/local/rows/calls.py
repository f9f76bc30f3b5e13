"""Outcomes of checkpoint calls as step runs with their artifacts.

Many calls are one commit. What is there already stays as it is, so that showing a call
twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kitaru._core import sources
from kitaru._core.calls import records
from kitaru._core.calls.records import OUTPUT, CallRecord, StoredValue
from kitaru._core.flows.metadata_keys import RECORD_KEY, USAGE_KEY
from kitaru._engine.local.rows import forms, notes, runs, versions
from kitaru._engine.local.rows.store_rows import (
    StoreRows,
    Transaction,
    stored_id,
    stored_moment,
)
from kitaru._engine.local.rows.versions import Unregistered
from kitaru._engine.port.execution import StartedCall
from kitaru._engine.values import value_files
from kitaru._engine.values.value_files import FileValues, Unplaced

_UNFINISHED = ("initializing", "provisioning", "running")
_KNOWN = """
SELECT s.name, s.id, s.version, s.status, s.end_time, o.artifact_id FROM step_run s
LEFT JOIN step_run_output_artifact o ON o.step_id = s.id AND o.name = ?
WHERE s.pipeline_run_id = ? AND s.name IN ({}) ORDER BY s.version
"""


@dataclass(frozen=True, slots=True)
class _Steps:
    """The step runs of one call: children are tied to the first, the last one counts."""

    first: str
    last: str
    number: int
    status: str
    ended: str | None
    output: str | None

    @property
    def is_ok(self) -> bool:
        """Whether the last one has a result."""
        return self.status in ("completed", "cached")


class CallRows:
    """Writes the calls of one execution.

    Args:
        store: The store.
        execution_id: The execution.
        flow: Name of its flow.
        values: Where its values are kept.
    """

    def __init__(
        self, store: StoreRows, execution_id: str, flow: str, values: FileValues
    ) -> None:
        self._store = store
        self._execution_id = execution_id
        self._run_id = stored_id(execution_id)
        self._flow = flow
        self._values = values

    def write_started(self, call: StartedCall) -> None:
        """Show a call as running."""
        name = call.invocation_id
        with self._store.transaction(f"showing {name}") as rows:
            steps = self._known(rows, [name, *call.parents, *call.after])
            if name in steps and steps[name].status in _UNFINISHED:
                return
            self._insert(
                rows,
                steps,
                call,
                status="running",
                start_time=stored_moment(call.started_at),
            )

    def write(self, record: CallRecord) -> None:
        """Show the outcome of a call."""
        self.write_all([record])

    def write_all(self, those: Sequence[CallRecord]) -> None:
        """Show the outcomes of calls, parents first."""
        taken = self._taken_over(those)
        placed = self._placed(those, taken)
        names = {record.invocation_id for record in those}
        for record in those:
            names.update(record.parents, record.after)
        what = those[0].invocation_id if len(those) == 1 else f"{len(those)} calls"
        with self._store.transaction(f"showing {what}") as rows:
            steps = self._known(rows, sorted(names))
            for record in placed:
                self._write(rows, steps, record, taken)

    def write_notes(self, values: Mapping[str, Any]) -> None:
        """Show the metadata of the execution."""
        with self._store.transaction("showing metadata") as rows:
            notes.attach(rows, values, (self._run_id, "pipeline_run"))

    def stop_requested(self) -> bool:
        """Whether somebody has stopped the run in ZenML."""
        return runs.is_stopped(self._store, self._execution_id)

    def end_running(self, why: str) -> list[str]:
        """Show calls as failed that were shown as running; return their ids."""
        with self._store.transaction("ending the calls of a dead runner") as rows:
            found = rows.all(
                "SELECT id, name FROM step_run WHERE pipeline_run_id = ? "
                f"AND status IN {_UNFINISHED} ORDER BY created, id",
                (self._run_id,),
            )
            rows.db.executemany(
                "UPDATE step_run SET status = 'failed', end_time = ?, updated = ?, "
                "exception_info = ? WHERE id = ?",
                [
                    (rows.now, rows.now, runs.exception_info(why, why), step_id)
                    for step_id, _ in found
                ],
            )
        return [name for _, name in found]

    def register_result(self, value: StoredValue, artifact_id: str) -> str:
        """Make what the flow returned an artifact version; return its id."""
        (placed,) = self._places([Unplaced(value, "flow", "result")])
        one = Unregistered(placed, artifact_id, f"{self._flow}::result")
        with self._store.transaction("showing the result of the flow") as rows:
            return versions.register(rows, one, store=self._artifact_store)

    # -- files -------------------------------------------------------------------

    def _taken_over(self, those: Sequence[CallRecord]) -> dict[str, tuple[str, str]]:
        """Return the artifact versions that calls have taken over from elsewhere.

        They have a folder already. Those that somebody has deleted are made anew.
        """
        ids = [
            artifact_id
            for record in those
            if record.reused
            for artifact_id in _artifact_ids(record)
        ]
        if not ids:
            return {}
        with self._store.transaction("looking for artifacts") as rows:
            return versions.known(rows, ids)

    def _placed(
        self, those: Sequence[CallRecord], taken: Mapping[str, tuple[str, str]]
    ) -> list[CallRecord]:
        """Return calls with the files of their values, which are on disk then."""
        those = [_at_their_places(record, taken) for record in those]
        wanted = [
            Unplaced(value, record.invocation_id, name)
            for record in those
            for value, name in _named(record)
        ]
        places = iter(self._places(wanted))
        placed = []
        for record in those:
            artifacts = tuple(
                replace(artifact, value=next(places)) for artifact in record.artifacts
            )
            output = next(places) if record.output is not None else None
            placed.append(replace(record, artifacts=artifacts, output=output))
        return placed

    def _places(self, wanted: Sequence[Unplaced]) -> list[StoredValue]:
        files = self._values.place_all(wanted)
        return [
            value_files.at(one.value, file)
            for one, file in zip(wanted, files, strict=True)
        ]

    # -- steps -------------------------------------------------------------------

    @property
    def _artifact_store(self) -> str:
        return self._store.ground.artifact_store_id

    def _known(self, rows: Transaction, names: Sequence[str]) -> dict[str, _Steps]:
        query = _KNOWN.format(", ".join("?" * len(names)))
        found: dict[str, _Steps] = {}
        for row in rows.all(query, (OUTPUT, self._run_id, *names)):
            name, step_id, number, status, ended, output = row
            earlier = found.get(name)
            first = earlier.first if earlier else step_id
            found[name] = _Steps(first, step_id, number, status, ended, output)
        return found

    def _write(
        self,
        rows: Transaction,
        steps: dict[str, _Steps],
        record: CallRecord,
        taken: Mapping[str, tuple[str, str]],
    ) -> None:
        known = steps.get(record.invocation_id)
        if known is None or known.status in _UNFINISHED:
            self._show(rows, steps, record, taken, known)
        elif known.ended == stored_moment(record.ended_at) or (
            known.is_ok and record.status != "completed"
        ):
            # The same outcome, of which something more is known by now.
            notes.attach(rows, _with_record(record), (known.last, "step_run"))
        elif not known.is_ok:
            self._show(rows, steps, record, taken, None)

    def _show(
        self,
        rows: Transaction,
        steps: dict[str, _Steps],
        record: CallRecord,
        taken: Mapping[str, tuple[str, str]],
        running: _Steps | None,
    ) -> None:
        outputs = self._registered(rows, record, taken)
        name, ended = record.invocation_id, stored_moment(record.ended_at)
        failure, status = record.failure, _status(record)
        outcome = {
            "status": status,
            "end_time": ended,
            "exception_info": runs.exception_info(failure.traceback)
            if failure
            else None,
        }
        if running is not None:
            step_id = running.last
            rows.db.execute(
                "UPDATE step_run SET status = ?, end_time = ?, exception_info = ?, "
                "updated = ? WHERE id = ?",
                (*outcome.values(), rows.now, step_id),
            )
            shown = _with_record(record)
        else:
            step_id = self._insert(
                rows,
                steps,
                record,
                record=records.to_json(record),
                start_time=stored_moment(record.started_at),
                **outcome,
            )
            shown = _shown(record)
        rows.insert(
            "step_run_output_artifact",
            *(
                {"name": key, "step_id": step_id, "artifact_id": version}
                for key, version in outputs.items()
            ),
        )
        notes.attach(rows, shown, (step_id, "step_run"))
        steps[name] = replace(
            steps[name],
            status=status,
            ended=ended,
            output=outputs.get(OUTPUT),
        )

    def _insert(
        self,
        rows: Transaction,
        steps: dict[str, _Steps],
        call: StartedCall | CallRecord,
        *,
        record: str | None = None,
        **columns: Any,
    ) -> str:
        """Make a step run, the first of its call or another one; return its id."""
        invocation_id = call.invocation_id
        earlier = steps.get(invocation_id)
        number = earlier.number + 1 if earlier else 1
        shown = records.upstream(call.parents, call.after, steps)
        used = [
            parent
            for parent in shown
            if parent in call.parents and steps[parent].output is not None
        ]
        if earlier:
            rows.db.execute(
                "UPDATE step_run SET status = 'retried', updated = ? "
                "WHERE pipeline_run_id = ? AND name = ?",
                (rows.now, self._run_id, invocation_id),
            )
        query = "SELECT snapshot_id FROM pipeline_run WHERE id = ?"
        step = rows.row() | {
            "name": invocation_id,
            "version": number,
            "is_retriable": 0,
            "snapshot_id": rows.one(query, self._run_id),
            "pipeline_run_id": self._run_id,
            "user_id": rows.user,
            "project_id": rows.project,
            "cache_key": call.cache_key,
            "code_hash": call.code_hash or None,
            "source_code": sources.hashed(call.code_hash),
            **columns,
        }
        rows.insert("step_run", step)
        step_id = str(step["id"])
        rows.insert(
            "step_configuration",
            rows.row()
            | {
                "index": 0,
                "name": invocation_id,
                "config": forms.step_configuration(
                    self._store.ground.zenml_version,
                    invocation_id,
                    call.name,
                    parents=shown,
                    used=used,
                    record=record,
                    earlier=number - 1,
                ),
                "step_run_id": step_id,
            },
        )
        rows.insert(
            "step_run_parents",
            *(
                {"parent_id": steps[parent].first, "child_id": step_id}
                for parent in dict.fromkeys(shown)
            ),
        )
        rows.insert(
            "step_run_input_artifact",
            *(
                {
                    "name": parent,
                    "type": "step_output",
                    "input_index": 0,
                    "step_id": step_id,
                    "artifact_id": steps[parent].output,
                }
                for parent in dict.fromkeys(used)
            ),
        )
        first = earlier.first if earlier else step_id
        steps[invocation_id] = _Steps(
            first, step_id, number, columns["status"], None, None
        )
        return step_id

    # -- artifacts ---------------------------------------------------------------

    def _registered(
        self,
        rows: Transaction,
        record: CallRecord,
        taken: Mapping[str, tuple[str, str]],
    ) -> dict[str, str]:
        """Return the artifact version of each value, which is made if need be."""
        return {
            key: taken[one.artifact_id][0]
            if one.artifact_id in taken
            else versions.register(rows, one, store=self._artifact_store)
            for key, one in self._unregistered(record)
        }

    def _unregistered(self, record: CallRecord) -> list[tuple[str, Unregistered]]:
        """Return the values of a call: saved artifacts first, the output last."""
        those = [
            (
                artifact.name,
                Unregistered(
                    artifact.value,
                    artifact.artifact_id,
                    artifact.name,
                    artifact.save_type,
                    artifact.tags,
                ),
            )
            for artifact in record.artifacts
        ]
        if record.output is not None:
            name = f"{self._flow}::{record.name}::{OUTPUT}"
            those.append(
                (OUTPUT, Unregistered(record.output, record.artifact_id, name))
            )
        return those


def _artifact_ids(record: CallRecord) -> list[str]:
    saved = [artifact.artifact_id for artifact in record.artifacts]
    return saved if record.output is None else [*saved, record.artifact_id]


def _at_their_places(
    record: CallRecord, taken: Mapping[str, tuple[str, str]]
) -> CallRecord:
    """Return a call with the places of values that it has taken over."""
    if not record.reused:
        return record

    def at(value: StoredValue, artifact_id: str) -> StoredValue:
        if artifact_id not in taken:
            return value
        _, folder = taken[artifact_id]
        return value_files.at(value, f"{folder}/{value_files.file_name(value)}")

    artifacts = tuple(
        replace(artifact, value=at(artifact.value, artifact.artifact_id))
        for artifact in record.artifacts
    )
    output = record.output and at(record.output, record.artifact_id)
    return replace(record, artifacts=artifacts, output=output)


def _named(record: CallRecord) -> list[tuple[StoredValue, str]]:
    named = [(artifact.value, artifact.name) for artifact in record.artifacts]
    return named if record.output is None else [*named, (record.output, OUTPUT)]


def _status(record: CallRecord) -> str:
    if record.status != "completed":
        return record.status
    return "cached" if record.reused else "completed"


def _shown(record: CallRecord) -> dict[str, Any]:
    """Return what the dashboard shows of a call beside its artifacts."""
    if record.usage is None:
        return record.metadata
    return {**record.metadata, USAGE_KEY: record.usage.model_dump(mode="json")}


def _with_record(record: CallRecord) -> dict[str, Any]:
    return {RECORD_KEY: records.to_json(record), **_shown(record)}
