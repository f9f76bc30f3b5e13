"""Outcomes of checkpoint calls as ZenML step runs, and back.

The record of a call travels with its step run as JSON, in the step's configuration
or, when the step run was made while the call still ran, in its metadata.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus, MetadataResourceTypes, StepRuntime
from zenml.exceptions import EntityExistsError
from zenml.metadata.metadata_types import get_metadata_type
from zenml.models import (
    ExceptionInfo,
    RunMetadataRequest,
    RunMetadataResource,
    StepRunRequest,
    StepRunResponse,
    StepRunUpdate,
)

from kitaru._core import sources
from kitaru._core.calls import records
from kitaru._core.calls.records import OUTPUT, CallRecord
from kitaru._core.flows.metadata_keys import PLACE_KEY, RECORD_KEY, USAGE_KEY
from kitaru._engine.port.execution import StartedCall
from kitaru._engine.recording.projector import TOGETHER
from kitaru._engine.zenml.recording import (
    artifact_versions,
    local_rows,
    step_configurations,
    step_outputs,
)
from kitaru._engine.zenml.recording.step_configurations import Launching
from kitaru._engine.zenml.recording.step_outputs import Registered
from kitaru._engine.zenml.recording.step_runs import UNFINISHED, record_of, step_runs


class StepWriter:
    """Writes the calls of one execution; remembers what ZenML has of them."""

    def __init__(
        self,
        execution_id: str,
        flow: str,
        values: artifact_versions.KeptValues,
        rows: local_rows.LocalRows | None = None,
    ) -> None:
        self._execution_id = execution_id
        self._flow = flow
        self._values = values
        # Given for a store into which finished steps can be written together.
        self._rows = rows
        self._steps: dict[str, _Written] = {}
        self._outputs: dict[str, UUID] = {}
        self._left: dict[str, tuple[UUID, str]] = {}

    def read_existing(self) -> None:
        """Learn what ZenML has already, when an execution goes on."""
        if self._rows is not None:
            self._read_rows(self._rows)
            return
        for step in step_runs(self._execution_id):
            self._steps[step.name] = _Written(
                step.id,
                step.version,
                step.status not in UNFINISHED,
                step.end_time,
                step.status.is_successful,
            )
            outputs = step.outputs.get(OUTPUT)
            if outputs:
                self._outputs[step.name] = outputs[0].id
            place = step.config.extra.get(PLACE_KEY)
            if place is not None and record_of(step) is None:
                self._left[step.name] = (step.id, str(place))

    def _read_rows(self, rows: local_rows.LocalRows) -> None:
        """Do it for a local store, which no pod can write to."""
        for step in rows.steps(UUID(self._execution_id), OUTPUT):
            self._steps[step.name] = _Written(
                step.id,
                step.version,
                step.status not in UNFINISHED,
                step.ended_at,
                step.status.is_successful,
            )
            if step.output is not None:
                self._outputs[step.name] = step.output

    def left_behind(self) -> Mapping[str, tuple[UUID, str]]:
        """Return step run and place of pods whose outcome nobody has recorded."""
        return self._left

    def write_started(self, call: StartedCall) -> None:
        """Show a call as running."""
        known = self._steps.get(call.invocation_id)
        if known is not None and not known.finished:
            return
        request = self._request(
            call, status=ExecutionStatus.RUNNING, start_time=call.started_at
        )
        ids = self._create_rows([local_rows.NewStep(request, {})])
        if ids is not None:
            step_id, version = ids[call.invocation_id], 1
        else:
            step = Client().zen_store.create_run_step(request)
            step_id, version = step.id, step.version
        self._steps[call.invocation_id] = _Written(step_id, version, False, None)

    def write_all(self, records: Sequence[CallRecord]) -> None:
        """Show the outcomes of calls, those that ZenML has nothing of together."""
        new: dict[str, CallRecord] = {}
        for record in records:
            known = record.invocation_id in self._steps
            if known or record.invocation_id in new or len(new) == TOGETHER:
                # What comes before it may be its parent.
                self._write_new([*new.values()])
                new.clear()
            if record.invocation_id in self._steps:
                self.write(record)
            else:
                new[record.invocation_id] = record
        self._write_new([*new.values()])

    def _write_new(self, records: Sequence[CallRecord]) -> None:
        if not records:
            return
        registered = self._register_all(records)
        if not self._create_together(registered):
            for made in registered:
                self._write_registered(made.record, made.outputs)

    def write_launching(
        self, call: StartedCall, launching: Launching
    ) -> StepRunResponse:
        """Show a call whose pod ZenML is about to start."""
        request = self._request(
            call,
            status=ExecutionStatus.PROVISIONING,
            start_time=call.started_at,
            launching=launching,
        )
        step = Client().zen_store.create_run_step(request)
        self._steps[call.invocation_id] = _Written(step.id, step.version, False, None)
        return step

    def pod_ended(self, invocation_id: str, step_id: UUID, *, ok: bool) -> None:
        """Note that ZenML knows how a pod of its own has ended."""
        version = self._steps[invocation_id].version
        self._steps[invocation_id] = _Written(
            step_id, version, finished=True, ended_at=None, ok=ok, by_pod=True
        )

    def write(self, record: CallRecord) -> None:
        """Show the outcome of a call; doing it twice changes nothing."""
        known = self._steps.get(record.invocation_id)
        if known is not None and known.by_pod:
            self._complete(known, record)
            return
        if (
            known is not None
            and known.finished
            and _same_time(known.ended_at, record.ended_at)
        ):
            self._annotate(known.step_id, record)
            return
        if (
            known is not None
            and known.finished
            and record.status == "completed"
            and known.ok
        ):
            return
        if known is None:
            self._write_new([record])
        else:
            self._write_registered(*self._register(record))

    def _write_registered(
        self, record: CallRecord, outputs: dict[str, list[UUID]]
    ) -> None:
        known = self._steps.get(record.invocation_id)
        if known is not None and not known.finished:
            self._finish(known.step_id, record, outputs)
            step_id, version = known.step_id, known.version
        else:
            step = self._create_finished(record, outputs)
            step_id, version = step.id, step.version
            if shown := _shown(record):
                write_metadata(step_id, MetadataResourceTypes.STEP_RUN, shown)
        self._steps[record.invocation_id] = _Written(
            step_id, version, True, record.ended_at, record.status == "completed"
        )

    def _create_together(self, registered: Sequence[Registered]) -> bool:
        """Make step runs of calls that ZenML has nothing of, if the store allows it."""
        # Each may be the parent of those after it.
        earlier: set[str] = set()
        new = []
        for made in registered:
            request = self._finished(made.record, made.outputs, earlier)
            shown = _presentable(_shown(made.record))
            new.append(local_rows.NewStep(request, shown))
            earlier.add(made.record.invocation_id)
        ids = self._create_rows(new)
        if ids is None:
            return False
        for made in registered:
            name, ok = made.record.invocation_id, made.record.status == "completed"
            self._steps[name] = _Written(ids[name], 1, True, made.record.ended_at, ok)
        return True

    def _create_rows(self, new: Sequence[local_rows.NewStep]) -> dict[str, UUID] | None:
        """Return the ids of new step runs, `None` if ZenML has to make them."""
        if self._rows is None:
            return None
        try:
            return self._rows.create_steps(new)
        except local_rows.NotPlainError:
            return None

    def _complete(self, known: _Written, record: CallRecord) -> None:
        """Add what a pod could not write: ZenML lets it end a step, we know the call."""
        record, outputs = self._register(record)
        if outputs:
            update = StepRunUpdate(outputs=outputs)
            Client().zen_store.update_run_step(known.step_id, update)
        self._annotate(known.step_id, record)
        self._steps[record.invocation_id] = _Written(
            known.step_id, known.version, True, record.ended_at, known.ok
        )

    def _create_finished(
        self, record: CallRecord, outputs: dict[str, list[UUID]]
    ) -> StepRunResponse:
        try:
            request = self._finished(record, outputs)
            return Client().zen_store.create_run_step(request)
        except EntityExistsError:
            # ZenML ran the step itself, or another process was faster.
            (step,) = step_runs(self._execution_id, name=record.invocation_id)
            self._annotate(step.id, record)
            return step

    def _register(self, record: CallRecord) -> tuple[CallRecord, dict[str, list[UUID]]]:
        """Make artifact versions; return the record with the places of its values."""
        (made,) = self._register_all([record])
        return made.record, made.outputs

    def _register_all(self, records: Sequence[CallRecord]) -> list[Registered]:
        registered = step_outputs.register(
            records, flow=self._flow, values=self._values, rows=self._rows
        )
        for made in registered:
            if made.record.output is not None:
                (self._outputs[made.record.invocation_id],) = made.outputs[OUTPUT]
        return registered

    def _finished(
        self,
        record: CallRecord,
        outputs: dict[str, list[UUID]],
        earlier: Container[str] = (),
    ) -> StepRunRequest:
        return self._request(
            record,
            status=_status(record),
            start_time=record.started_at,
            end_time=record.ended_at,
            outputs=outputs,
            record=record,
            earlier=earlier,
        )

    def _request(
        self,
        call: StartedCall | CallRecord,
        *,
        status: ExecutionStatus,
        start_time: datetime,
        end_time: datetime | None = None,
        outputs: dict[str, list[UUID]] | None = None,
        record: CallRecord | None = None,
        earlier: Container[str] = (),
        launching: Launching | None = None,
    ) -> StepRunRequest:
        invocation_id = call.invocation_id
        known = self._steps.get(invocation_id)
        there = {
            name
            for name in (*call.parents, *call.after)
            if name in self._steps or name in earlier
        }
        shown = records.upstream(call.parents, call.after, there)
        used = [p for p in shown if p in call.parents and p in self._outputs]
        return StepRunRequest(
            name=invocation_id,
            pipeline_run_id=UUID(self._execution_id),
            project=Client().active_project.id,
            start_time=start_time,
            end_time=end_time,
            status=status,
            outputs=outputs or {},
            cache_key=call.cache_key,
            code_hash=call.code_hash or None,
            source_code=sources.hashed(call.code_hash),
            inputs={parent: [self._outputs[parent]] for parent in used},
            exception_info=_exception(record),
            resource_requester=launching.orchestrator_id if launching else None,
            resource_request_runtime=StepRuntime.ISOLATED if launching else None,
            dynamic_config=step_configurations.of(
                invocation_id,
                call.name,
                shown,
                used,
                record,
                launching,
                # ZenML numbers the attempts, and takes another one only if the
                # configuration says that retries are left for it.
                earlier=known.version if known else 0,
            ),
        )

    def _finish(
        self, step_id: UUID, record: CallRecord, outputs: dict[str, list[UUID]]
    ) -> None:
        update = StepRunUpdate(
            status=_status(record),
            end_time=record.ended_at,
            outputs=outputs,
            exception_info=_exception(record),
        )
        if self._rows is not None:
            try:
                shown = _presentable(_with_record(record))
                self._rows.finish_step(step_id, update, shown)
            except local_rows.NotPlainError:
                pass
            else:
                return
        Client().zen_store.update_run_step(step_id, update)
        self._annotate(step_id, record)

    def _annotate(self, step_id: UUID, record: CallRecord) -> None:
        write_metadata(step_id, MetadataResourceTypes.STEP_RUN, _with_record(record))


@dataclass(frozen=True, slots=True)
class _Written:
    """What ZenML has of a call."""

    step_id: UUID
    version: int
    finished: bool
    ended_at: datetime | None
    ok: bool = False
    # Ended by a pod of its own, which knows nothing of the rest of the record.
    by_pod: bool = False


def write_metadata(
    resource: UUID, kind: MetadataResourceTypes, values: Mapping[str, Any]
) -> None:
    """Attach metadata."""
    shown = _presentable(values)
    Client().zen_store.create_run_metadata(
        RunMetadataRequest(
            project=Client().active_project.id,
            resources=[RunMetadataResource(id=resource, type=kind)],
            values=shown,
            types={key: get_metadata_type(value) for key, value in shown.items()},
        )
    )


def _presentable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata as ZenML takes it: what it has no type for is shown as text."""
    shown: dict[str, Any] = {}
    for key, value in values.items():
        try:
            get_metadata_type(value)
            shown[key] = value
        except ValueError:
            shown[key] = json.dumps(value, default=str)
    return shown


def _with_record(record: CallRecord) -> dict[str, Any]:
    return {RECORD_KEY: records.to_json(record), **_shown(record)}


def _shown(record: CallRecord) -> dict[str, Any]:
    """Return what the dashboard shows of a call beside its artifacts."""
    if record.usage is None:
        return record.metadata
    return {**record.metadata, USAGE_KEY: record.usage.model_dump(mode="json")}


def _status(record: CallRecord) -> ExecutionStatus:
    if record.status == "failed":
        return ExecutionStatus.FAILED
    if record.status == "cancelled":
        return ExecutionStatus.CANCELLED
    return ExecutionStatus.CACHED if record.reused else ExecutionStatus.COMPLETED


def _exception(record: CallRecord | None) -> ExceptionInfo | None:
    if record is None or record.failure is None:
        return None
    return ExceptionInfo(traceback=record.failure.traceback)


def _same_time(a: datetime | None, b: datetime | None) -> bool:
    if a is None or b is None:
        return False
    return (
        abs((a.replace(tzinfo=None) - b.replace(tzinfo=None)).total_seconds()) < 0.001
    )
