"""What users see of executions, put together from ZenML and the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zenml.models import PipelineRunResponse

from kitaru._core.calls import described, usage
from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.flows import shown
from kitaru._core.flows.facts import ExecutionFacts
from kitaru._core.flows.metadata_keys import (
    is_own,
)
from kitaru._core.settings import labels
from kitaru._engine.journal.journal import Journal
from kitaru._engine.values import value_files
from kitaru._engine.zenml.inspection import failures
from kitaru._engine.zenml.recording import artifact_versions, step_runs
from kitaru._engine.zenml.runs import runs, statuses
from kitaru._engine.zenml.runs.statuses import status_of, utc
from kitaru.models import (
    AnsweredWait,
    ArtifactRef,
    CheckpointCall,
    Execution,
    ExecutionStatus,
    FailureInfo,
    FailureOrigin,
    PendingWait,
)


def known_calls(journal: Journal, execution_id: str) -> list[CallRecord]:
    """Return the outcomes of an execution: the journal's, else those ZenML has."""
    known = {record.invocation_id: record for record in journal.calls(execution_id)}
    if not _may_be_elsewhere(journal, execution_id):
        return list(known.values())
    for step in step_runs.step_runs(execution_id):
        record = step_runs.record_of(step)
        if record is not None:
            known.setdefault(record.invocation_id, record)
    return list(known.values())


def _may_be_elsewhere(journal: Journal, execution_id: str) -> bool:
    """Whether outcomes may be in ZenML that the journal does not have."""
    local = journal.execution(execution_id)
    return local is None or local.synchronous or local.compacted


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
        status_reason=statuses.reason_of(run),
        original_exec_id=str(run.original_run.id) if run.original_run else None,
    )


def detailed(
    run: PipelineRunResponse,
    journal: Journal,
    *,
    waits: tuple[Sequence[PendingWait], Sequence[AnsweredWait]],
    bind: described.Bind,
) -> Execution:
    """Return an execution with its calls, artifacts and waits: open, and over."""
    execution_id = str(run.id)
    records = sorted(
        known_calls(journal, execution_id), key=lambda record: record.order
    )
    calls = [described.call(record, bind) for record in records]
    finished = {call.invocation_id for call in calls}
    calls += _calls_without_outcome(run, finished)
    metadata = {k: v for k, v in run.run_metadata.items() if not is_own(k)}
    facts = runs.facts_of(run)
    if facts is not None:
        metadata = labels.without(facts.labels.attributes, metadata)
    return summary(run).model_copy(
        update={
            "metadata": {**(notes := journal.notes(execution_id)), **metadata, **notes},
            "failure": failures.failure_of(run, journal),
            "pending_wait": waits[0][0] if waits[0] else None,
            "pending_waits": tuple(waits[0]),
            "waits": tuple(waits[1]),
            "checkpoints": tuple(calls),
            "artifacts": (
                *(ref for call in calls for ref in call.artifacts),
                *result_refs(run, journal, bind),
            ),
            "usage": (spent := usage.of_execution(records)),
            "budget": facts
            and usage.budget_shown(facts.settings.budget, waits[1], spent),
            **_details(run, journal, facts),
        }
    )


def _details(
    run: PipelineRunResponse, journal: Journal, facts: ExecutionFacts | None
) -> dict[str, Any]:
    if facts is None:
        return {}
    has_ended = status_of(run) is ExecutionStatus.COMPLETED
    return shown.details(
        facts.inputs,
        result_value(run, journal) if has_ended else None,
        facts.settings,
        facts.deployed,
        facts.labels,
        lambda value: artifact_versions.fetch(value, what="a value"),
    )


def result_refs(
    run: PipelineRunResponse, journal: Journal, bind: described.Bind
) -> list[ArtifactRef]:
    """Return what the flow returned, if it has completed."""
    if status_of(run) is not ExecutionStatus.COMPLETED:
        return []
    value = result_value(run, journal)
    return [] if value is None else [described.result_ref(str(run.id), value, bind)]


def result_value(run: PipelineRunResponse, journal: Journal) -> StoredValue | None:
    """Return the stored return value of a flow: the journal's, else ZenML's.

    `None` also if it is in a folder of another machine.
    """
    local = journal.execution(str(run.id))
    if local is not None and local.result is not None:
        return local.result
    outputs = list(run.outputs.values())
    if not outputs or value_files.is_of_another_machine(outputs[0].uri):
        return None
    return artifact_versions.stored_value(outputs[0])


def _calls_without_outcome(
    run: PipelineRunResponse, finished: set[str]
) -> list[CheckpointCall]:
    """Return the calls that run now, or ran when the runner died."""
    if status_of(run) not in (ExecutionStatus.RUNNING, ExecutionStatus.FAILED):
        return []
    return [
        described.call_without_outcome(
            str(run.id),
            step.name,
            step.config.name,
            utc(step.start_time),
            failure=None if step.status in step_runs.UNFINISHED else _DIED,
        )
        for step in step_runs.step_runs(str(run.id))
        if step.name not in finished
    ]


_DIED = FailureInfo(message="the runner died", origin=FailureOrigin.RUNTIME)
