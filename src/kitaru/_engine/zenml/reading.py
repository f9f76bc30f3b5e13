"""What users see of executions, put together from ZenML and the journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from zenml.enums import ExecutionStatus as RunStatus
from zenml.models import PipelineRunResponse

from kitaru._core import failures, usage
from kitaru._core.records import CallRecord, StoredFailure, StoredValue
from kitaru._engine import compaction, views
from kitaru._engine.journal import Journal
from kitaru._engine.zenml import artifacts, entry, pod_turns, steps
from kitaru._engine.zenml.step_configurations import RECORD_KEY
from kitaru.models import (
    ArtifactRef,
    CheckpointCall,
    Execution,
    ExecutionStatus,
    FailureInfo,
    FailureOrigin,
    PendingWait,
)

_STATUS = {
    RunStatus.COMPLETED: ExecutionStatus.COMPLETED,
    RunStatus.CACHED: ExecutionStatus.COMPLETED,
    RunStatus.SKIPPED: ExecutionStatus.COMPLETED,
    RunStatus.FAILED: ExecutionStatus.FAILED,
    RunStatus.PAUSED: ExecutionStatus.WAITING,
    RunStatus.STOPPED: ExecutionStatus.CANCELLED,
    RunStatus.STOPPING: ExecutionStatus.CANCELLED,
    RunStatus.CANCELLED: ExecutionStatus.CANCELLED,
    RunStatus.CANCELLING: ExecutionStatus.CANCELLED,
}
# Of ZenML's Kubernetes orchestrator: the job of each isolated checkpoint.
_STEP_JOBS = "step_jobs"
# Why an execution failed whose journal died with its pod.
FAILURE_KEY = "kitaru_failure"
_OWN_METADATA = (
    RECORD_KEY,
    _STEP_JOBS,
    FAILURE_KEY,
    pod_turns.TURN_KEY,
    pod_turns.RETRIES_KEY,
)
_failure_adapter = TypeAdapter(StoredFailure)


def status_of(run: PipelineRunResponse) -> ExecutionStatus:
    """Return the status of an execution."""
    return _STATUS.get(run.status, ExecutionStatus.RUNNING)


def run_statuses(status: ExecutionStatus) -> list[str]:
    """Return the ZenML statuses that mean `status`."""
    if status is ExecutionStatus.RUNNING:
        return [s.value for s in RunStatus if s not in _STATUS]
    return [run.value for run, ours in _STATUS.items() if ours is status]


def known_calls(journal: Journal, execution_id: str) -> list[CallRecord]:
    """Return the outcomes of an execution: the journal's, else those ZenML has."""
    known = {record.invocation_id: record for record in journal.calls(execution_id)}
    if not _may_be_elsewhere(journal, execution_id):
        return list(known.values())
    for step in steps.step_runs(execution_id):
        record = steps.record_of(step)
        if record is not None:
            known.setdefault(record.invocation_id, record)
    return list(known.values())


def _may_be_elsewhere(journal: Journal, execution_id: str) -> bool:
    """Whether outcomes may be in ZenML that the journal does not have."""
    body = journal.execution(execution_id) or {}
    # What is noted of an execution that the journal had forgotten does not say.
    return bool(body.get("synchronous", True) or body.get(compaction.MARK))


def summary(run: PipelineRunResponse) -> Execution:
    """Return an execution as listings show it."""
    status = status_of(run)
    return Execution(
        exec_id=str(run.id),
        flow_id=str(run.pipeline.id) if run.pipeline else None,
        flow_name=run.pipeline.name if run.pipeline else "unknown",
        status=status,
        started_at=utc(run.start_time),
        ended_at=utc(run.end_time) if status.is_finished else None,
        stack_name=run.stack.name if run.stack else None,
        status_reason=_reason(run),
        original_exec_id=str(run.original_run.id) if run.original_run else None,
    )


def detailed(
    run: PipelineRunResponse,
    journal: Journal,
    wait: PendingWait | None,
    bind: views.Bind,
) -> Execution:
    """Return an execution with its calls, artifacts and open wait."""
    execution_id = str(run.id)
    records = sorted(
        known_calls(journal, execution_id), key=lambda record: record.order
    )
    calls = [views.call(record, bind) for record in records]
    finished = {call.invocation_id for call in calls}
    calls += _calls_without_outcome(run, finished)
    metadata = {k: v for k, v in run.run_metadata.items() if k not in _OWN_METADATA}
    return summary(run).model_copy(
        update={
            "metadata": {**(notes := journal.notes(execution_id)), **metadata, **notes},
            "failure": failure_of(run, journal),
            "pending_wait": wait,
            "checkpoints": tuple(calls),
            "artifacts": (
                *(ref for call in calls for ref in call.artifacts),
                *result_refs(run, journal, bind),
            ),
            "usage": usage.of_execution(records),
        }
    )


def result_refs(
    run: PipelineRunResponse, journal: Journal, bind: views.Bind
) -> list[ArtifactRef]:
    """Return what the flow returned, if it has completed."""
    if status_of(run) is not ExecutionStatus.COMPLETED:
        return []
    value = result_value(run, journal)
    return [] if value is None else [views.result_ref(str(run.id), value, bind)]


def result_value(run: PipelineRunResponse, journal: Journal) -> StoredValue | None:
    """Return the stored return value of a flow: the journal's, else ZenML's."""
    body = journal.execution(str(run.id)) or {}
    if body.get("result"):
        return artifacts.from_reference(body["result"])
    outputs = list(run.outputs.values())
    return artifacts.stored_value(outputs[0]) if outputs else None


def _calls_without_outcome(
    run: PipelineRunResponse, finished: set[str]
) -> list[CheckpointCall]:
    """Return the calls that run now, or ran when the runner died."""
    if status_of(run) not in (ExecutionStatus.RUNNING, ExecutionStatus.FAILED):
        return []
    return [
        views.call_without_outcome(
            str(run.id),
            step.name,
            step.config.name,
            utc(step.start_time),
            failure=None if step.status in steps.UNFINISHED else _DIED,
        )
        for step in steps.step_runs(str(run.id))
        if step.name not in finished
    ]


_DIED = FailureInfo(message="the runner died", origin=FailureOrigin.RUNTIME)


def failure_of(run: PipelineRunResponse, journal: Journal) -> FailureInfo | None:
    """Return why an execution failed."""
    if status_of(run) is not ExecutionStatus.FAILED:
        return None
    body = journal.execution(str(run.id)) or {}
    origin, _, text = (_reason(run) or "").partition(": ")
    if origin == FailureOrigin.RUNTIME.value and "process" in text:
        # The runner died; what an earlier attempt failed with is history.
        return FailureInfo(message=text, origin=FailureOrigin.RUNTIME)
    if body.get("failure"):
        return failures.describe(failure_from_dict(body["failure"]))
    noted = noted_failure(run)
    if noted is not None:
        return failures.describe(noted)
    known = {o.value for o in FailureOrigin}
    # ZenML keeps the exception of an earlier attempt when the runner did not get far.
    info = None if origin == FailureOrigin.RUNTIME.value else run.exception_info
    return FailureInfo(
        message=text or (info.message if info and info.message else "unknown"),
        traceback=info.traceback if info else None,
        origin=FailureOrigin(origin) if origin in known else FailureOrigin.UNKNOWN,
    )


def noted_failure(run: PipelineRunResponse) -> StoredFailure | None:
    """Return the failure that a pod has noted, if it is how the run ended."""
    text = run.run_metadata.get(FAILURE_KEY)
    if text is None:
        return None
    failure = failure_from_dict(json.loads(str(text)))
    reason = entry.reason(FailureOrigin(failure.origin), failure.message)
    # Another attempt may have ended without a chance to note why.
    return failure if reason == _reason(run) else None


def failure_to_dict(failure: StoredFailure) -> dict[str, Any]:
    """Return a failure as JSON data."""
    data: dict[str, Any] = _failure_adapter.dump_python(failure, mode="json")
    return data


def failure_from_dict(data: Mapping[str, Any]) -> StoredFailure:
    """Return the failure written by `failure_to_dict`."""
    return _failure_adapter.validate_python(data)


def utc(moment: datetime | None) -> datetime | None:
    """Return a moment with its timezone; ZenML's are naive UTC."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def _reason(run: PipelineRunResponse) -> str | None:
    reason: str | None = run.get_body().status_reason
    return reason
