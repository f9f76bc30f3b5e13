"""Why an execution failed, as it was noted by whoever ended it.

On this machine that is the journal. A pod's journal dies with it: pods, and who finds
that a platform gave one up, note it in the metadata of the run. The status reason in ZenML
is for people who look there; it is read for executions of older versions only.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from zenml.enums import MetadataResourceTypes
from zenml.models import PipelineRunResponse

from kitaru._core.calls import failures
from kitaru._core.calls.records import StoredFailure
from kitaru._core.flows import run_statuses
from kitaru._core.flows.metadata_keys import FAILURE_KEY, RETRIES_KEY
from kitaru._engine.journal.journal import Journal
from kitaru._engine.zenml.recording import step_writer
from kitaru._engine.zenml.runs import runs, statuses
from kitaru._engine.zenml.runs.statuses import status_of
from kitaru.models import ExecutionStatus, FailureInfo, FailureOrigin


def failure_of(run: PipelineRunResponse, journal: Journal) -> FailureInfo | None:
    """Return what users see of the failure of an execution; `None` if it has not failed."""
    if status_of(run) is not ExecutionStatus.FAILED:
        return None
    stored = stored_failure(run, journal)
    return failures.describe(stored) if stored else _of_zenml(run)


def stored_failure(run: PipelineRunResponse, journal: Journal) -> StoredFailure | None:
    """Return the failure that ended the last attempt, if anybody noted it."""
    local = journal.execution(str(run.id))
    if local is not None and local.failure is not None:
        told = _in_old_reason(run) if local.version == 0 else None
        if told and told.origin == FailureOrigin.RUNTIME and "process" in told.message:
            # The runner died; what an earlier attempt failed with is history.
            return told
        return local.failure
    return _noted(run)


def note_remote(run: PipelineRunResponse, failure: StoredFailure) -> None:
    """Note in ZenML why the attempt that `run` is in has failed."""
    note = {"failure": failures.to_dict(failure), "retries": _retries(run)}
    step_writer.write_metadata(
        UUID(str(run.id)),
        MetadataResourceTypes.PIPELINE_RUN,
        {FAILURE_KEY: json.dumps(note)},
    )


def _noted(run: PipelineRunResponse) -> StoredFailure | None:
    text = run.run_metadata.get(FAILURE_KEY)
    note = json.loads(str(text)) if text else None
    if note is None:
        return _in_old_reason(run)
    if "failure" in note:
        # A later attempt may have ended without a chance to note why.
        is_last = note["retries"] == _retries(run)
        return failures.from_dict(note["failure"]) if is_last else None
    failure = failures.from_dict(note)
    reason = run_statuses.reason(FailureOrigin(failure.origin), failure.message)
    return failure if reason == statuses.reason_of(run) else _in_old_reason(run)


def _retries(run: PipelineRunResponse) -> Any:
    return run.run_metadata.get(RETRIES_KEY, 0)


def _of_zenml(run: PipelineRunResponse) -> FailureInfo:
    """Return what ZenML knows of a failure that nobody of us has noted."""
    info = run.exception_info
    reason = statuses.reason_of(run)
    return FailureInfo(
        message=reason or (info.message if info and info.message else "unknown"),
        traceback=info.traceback if info else None,
        origin=FailureOrigin.UNKNOWN,
    )


def _in_old_reason(run: PipelineRunResponse) -> StoredFailure | None:
    """Return the failure that versions without facts of their own put into the reason."""
    facts = runs.facts_of(run)
    origin, _, text = (statuses.reason_of(run) or "").partition(": ")
    if facts is None or facts.version > 0 or not text:
        return None
    if origin not in {known.value for known in FailureOrigin}:
        return None
    # ZenML keeps the exception of an earlier attempt when the runner did not get far.
    info = None if origin == FailureOrigin.RUNTIME.value else run.exception_info
    trace = (info.traceback if info else None) or ""
    return failures.without_exception(text, FailureOrigin(origin), traceback=trace)
