"""Records of calls as users see them; the same for every engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from kitaru._core.calls import failures, names
from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.words.similar import did_you_mean
from kitaru.errors import KitaruUsageError
from kitaru.models import (
    ArtifactRef,
    AskedWait,
    CheckpointAttempt,
    CheckpointCall,
    FailureInfo,
)

FLOW, RESULT = "flow", "result"
W = TypeVar("W", bound=AskedWait)
Bind = Callable[[ArtifactRef, StoredValue], ArtifactRef]


def call(record: CallRecord, bind: Bind) -> CheckpointCall:
    """Return what users see of a call."""
    return CheckpointCall(
        call_id=names.call_id(record.execution_id, record.invocation_id),
        name=record.name,
        invocation_id=record.invocation_id,
        status=record.status,
        started_at=record.started_at,
        ended_at=record.ended_at,
        metadata=record.metadata,
        original_call_id=record.original,
        parent_call_ids=tuple(
            names.call_id(record.execution_id, parent) for parent in record.parents
        ),
        failure=failures.describe(record.failure) if record.failure else None,
        attempts=tuple(
            CheckpointAttempt(
                number=a.number,
                status=a.status,
                started_at=a.started_at,
                ended_at=a.ended_at,
                failure=failures.describe(a.failure) if a.failure else None,
            )
            for a in record.attempts
        ),
        artifacts=tuple(artifact_refs(record, bind)),
        checkpoint_type=record.checkpoint_type,
        reused=record.reused,
        overridden=record.overridden,
        usage=record.usage,
    )


def in_order(
    calls: Sequence[CheckpointCall], waits: Sequence[W]
) -> list[CheckpointCall | W]:
    """Return calls, in their order, and between them what was asked when."""
    left = list(calls)
    found: list[CheckpointCall | W] = []
    for wait in waits:
        asked = wait.entered_waiting_at
        while left and asked and (began := left[0].started_at) and began < asked:
            found.append(left.pop(0))
        found.append(wait)
    return found + left


def artifact_refs(record: CallRecord, bind: Bind) -> list[ArtifactRef]:
    """Return the artifacts of a call: saved ones, then its result."""
    # A reused value is the artifact of the call that made it.
    call = record.original or names.call_id(record.execution_id, record.invocation_id)
    found = [
        bind(
            ArtifactRef(
                artifact_id=artifact.artifact_id,
                name=artifact.name,
                kind=artifact.value.serializer,
                save_type=artifact.save_type,
                producing_call=call,
                metadata=_described(artifact.value) | {"tags": list(artifact.tags)},
            ),
            artifact.value,
        )
        for artifact in record.artifacts
    ]
    if record.output is not None:
        output = ArtifactRef(
            artifact_id=record.artifact_id,
            name=record.invocation_id,
            kind=record.output.serializer,
            producing_call=call,
            metadata=_described(record.output),
        )
        found.append(bind(output, record.output))
    return found


def result_ref(execution_id: str, value: StoredValue, bind: Bind) -> ArtifactRef:
    """Return the record of what a flow returned."""
    ref = ArtifactRef(
        artifact_id=names.artifact_id(execution_id, FLOW, RESULT),
        name=RESULT,
        kind=value.serializer,
        metadata=_described(value),
    )
    return bind(ref, value)


def call_without_outcome(
    execution_id: str,
    invocation_id: str,
    name: str,
    started: datetime | None,
    *,
    failure: FailureInfo | None,
) -> CheckpointCall:
    """Return what users see of a call that runs, or whose runner died."""
    return CheckpointCall(
        call_id=names.call_id(execution_id, invocation_id),
        name=name,
        invocation_id=invocation_id,
        status="failed" if failure else "running",
        started_at=started,
        failure=failure,
    )


def named_value(
    execution_id: str, name: str, records: Sequence[CallRecord]
) -> StoredValue:
    """Return a saved artifact or a checkpoint's result by its name.

    Saved artifacts win over invocation ids, those over checkpoint names; of several
    calls of one checkpoint, its name means the first.

    Raises:
        KitaruUsageError: If there is none of that name.
    """
    known: dict[str, StoredValue] = {}
    for record in records:
        if record.output is not None:
            known.setdefault(record.name, record.output)
            known[record.invocation_id] = record.output
    for record in records:
        for artifact in record.artifacts:
            known[artifact.name] = artifact.value
    if name not in known:
        raise KitaruUsageError(
            f"execution {execution_id} has no artifact or checkpoint result "
            f"{name!r}{did_you_mean(name, known)}"
        )
    return known[name]


def _described(value: StoredValue) -> dict[str, Any]:
    return {
        "type": value.type_name.replace(":", "."),
        "size": value.size,
        "hash": value.content_hash,
    }
