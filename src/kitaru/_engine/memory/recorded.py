"""Run a flow against what is known of an execution: no body of a checkpoint runs."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kitaru._core.calls import failures
from kitaru._core.calls.records import CallRecord, StoredFailure, StoredValue
from kitaru._core.calls.replay import Action, Decision, Timeline
from kitaru._core.flows.signals import FlowSignal
from kitaru._core.secrecy.redaction import HIDDEN
from kitaru._core.values import differences, fingerprints
from kitaru._core.waits.answered import Answer
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.memory.executions import MemoryExecution, now
from kitaru._engine.port.execution import Ending
from kitaru.models import (
    Execution,
    ExecutionStatus,
    FailureInfo,
    FailureOrigin,
    RecordedCall,
    RecordedFailure,
    RecordedWait,
    Recording,
)

_ANSWERED_BY = "recording"
# Its process was stopped there: how the flow would have gone on is not known.
_STOPPED = frozenset({FailureOrigin.RUNTIME, FailureOrigin.BACKEND})


class OffRecordError(FlowSignal):
    """The flow does what the recording knows nothing of."""


class EndOfRecord(FlowSignal):
    """The flow has done what is known of it, and would go on with new work."""


class KnownTimeline(Timeline):
    """What is known of an execution; calls beyond that end the attempt.

    Attributes:
        asked: The calls that the flow made.
    """

    def __init__(self, own: Sequence[CallRecord]) -> None:
        super().__init__(own)
        self.asked: set[str] = set()

    def decide(self, invocation_id: str, fingerprint: str | None) -> Decision:
        """Return the outcome of a call.

        Raises:
            EndOfRecord: If there is none.
        """
        self.asked.add(invocation_id)
        decision = super().decide(invocation_id, fingerprint)
        if decision.action is Action.RUN:
            raise EndOfRecord(invocation_id)
        return decision


class RecordedTimeline(KnownTimeline):
    """What a recording holds, word for word: other arguments are another call."""

    def __init__(self, own: Sequence[CallRecord], recording: Recording) -> None:
        super().__init__(own)
        self._calls = {call.invocation_id: call for call in recording.calls}
        self._is_open = _is_open(recording)
        # What is masked has other fingerprints than what it stands for.
        answers = [wait.answer for wait in recording.waits]
        self._is_masked = _is_masked([recording.inputs, answers])

    def decide(self, invocation_id: str, fingerprint: str | None) -> Decision:
        """Return the recorded outcome of a call.

        Raises:
            OffRecordError: If there is none.
            EndOfRecord: If there is none, and the execution was stopped there.
        """
        self.asked.add(invocation_id)
        call, record = self._calls.get(invocation_id), self._own.get(invocation_id)
        if call is None or record is None or call.status == "cancelled":
            raise self._beyond(invocation_id)
        changed = fingerprints.differ(record.fingerprint, fingerprint)
        changed = changed and not self._is_masked
        self._is_masked = self._is_masked or _is_masked(call.result)
        if call.status == "failed":
            return Decision(Action.RAISE, record, changed=changed)
        if record.output is None:
            raise OffRecordError(
                f"the result of {invocation_id!r} is not in the recording: {call.omitted}"
            )
        return Decision(Action.REUSE, record, changed=changed)

    def is_misplaced(
        self,
        decision: Decision,
        *,
        has_own_id: bool,
        source_changed: bool,
        is_described: bool,
        is_fleeting: bool,
    ) -> bool:
        return decision.changed and not is_fleeting

    def misplaced(
        self,
        execution_id: str,
        invocation_id: str,
        name: str,
        given: Sequence[str],
        then: str | None,
    ) -> BaseException:
        record = self._own[invocation_id]
        return OffRecordError(
            f"call {invocation_id!r} is made with other arguments than recorded: "
            f"({', '.join(given)}) now; recorded is one with the fingerprint "
            f"{(record.fingerprint or '')[:12]}"
        )

    def _beyond(self, invocation_id: str) -> FlowSignal:
        left = [name for name in self._calls if name not in self.asked]
        if self._is_open and not left:
            return EndOfRecord(invocation_id)
        goes_on = f"the recording goes on with {left[0]!r}" if left else "it ends"
        return OffRecordError(
            f"the flow calls {invocation_id!r}, where {goes_on}: no such call was "
            "recorded"
        )


def _is_open(recording: Recording) -> bool:
    """Whether the flow was stopped, so that it might have gone on anyhow."""
    if recording.failure is not None and recording.failure.origin in _STOPPED:
        return True
    if any(wait.outcome == "open" and wait.stops for wait in recording.waits):
        return True
    return recording.status in ("running", "cancelled")


def _is_masked(data: object) -> bool:
    return HIDDEN in json.dumps(data, default=str)


@dataclass(frozen=True, slots=True)
class Known:
    """What there is of an execution: calls with their bytes, and answers by wait."""

    calls: tuple[CallRecord, ...]
    answers: Mapping[str, Answer]


class RehearsalEngine(MemoryEngine):
    """Lets a flow do once more what is known of it, and nothing beyond."""

    def __init__(self, known: Known) -> None:
        super().__init__(notifies=False)
        self._known = known
        self.timeline = self._made(known.calls)
        self.ending: Ending | None = None

    def _made(self, calls: Sequence[CallRecord]) -> KnownTimeline:
        return KnownTimeline(calls)

    def _timeline(self, execution: MemoryExecution) -> Timeline:
        calls = [
            replace(call, execution_id=execution.execution_id)
            for call in self._known.calls
        ]
        self.timeline = self._made(calls)
        return self.timeline

    def _inherited_answers(self, execution: MemoryExecution) -> dict[str, Answer]:
        return dict(self._known.answers)

    def _run(self, execution: MemoryExecution) -> Ending:
        self.ending = super()._run(execution)
        return self.ending


class RecordingEngine(RehearsalEngine):
    """Gives a flow the outcomes and answers of a recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        super().__init__(
            Known(
                tuple(_record(*item) for item in enumerate(recording.calls, 1)),
                {
                    wait.name: _answer(wait)
                    for wait in recording.waits
                    if wait.outcome != "open"
                },
            )
        )

    def _made(self, calls: Sequence[CallRecord]) -> KnownTimeline:
        return RecordedTimeline(calls, self._recording)


def _answer(wait: RecordedWait) -> Answer:
    return Answer(
        wait.answer,
        aborted=wait.outcome == "aborted",
        by=_ANSWERED_BY,
        over="expired" if wait.outcome == "expired" else None,
    )


def _record(order: int, call: RecordedCall) -> CallRecord:
    moment = now()
    return CallRecord(
        execution_id="",
        invocation_id=call.invocation_id,
        name=call.name,
        status=call.status,
        started_at=moment,
        ended_at=moment,
        order=order,
        position=call.position,
        fingerprint=call.fingerprint,
        output=_output(call),
        failure=_failure(call.failure) if call.failure else None,
        # What the flow makes of a failure is what is looked at.
        caught=call.status == "failed",
    )


def _output(call: RecordedCall) -> StoredValue | None:
    if call.serializer is None:
        return None
    text = call.result if call.serializer == "text" else json.dumps(call.result)
    payload = str(text).encode(errors="replace")
    return StoredValue(
        serializer=call.serializer,
        type_name="",
        content_hash=hashlib.sha256(payload).hexdigest(),
        size=len(payload),
        payload=payload,
    )


def _failure(failure: RecordedFailure) -> StoredFailure:
    """Return a failure that raises the same class again, if that can be made."""
    module, _, name = (failure.exception_type or "").rpartition(".")
    made: object
    try:
        made = getattr(importlib.import_module(module), name)(failure.message)
    # A class that is gone, or wants other arguments.
    except Exception:  # noqa: BLE001
        made = None
    if not isinstance(made, Exception):
        made = RuntimeError(failure.message)
    return failures.store(made, FailureOrigin.USER_CODE)


def problem(
    recording: Recording, found: Execution, engine: RecordingEngine
) -> str | None:
    """Return the first difference from a recording in a sentence, if there is one."""
    assert engine.ending is not None  # it has run
    if isinstance(engine.ending.error, EndOfRecord):
        return None
    failure = found.failure
    if failure is not None and not _is_recorded(recording, failure):
        return failure.message
    if found.status.value != recording.status and not (
        failure is not None and recording.status == "failed"
    ):
        why = f" ({recording.failure.message})" if recording.failure else ""
        return f"it is {found.status.value} now, recorded was {recording.status}{why}"
    for call in recording.calls:
        if call.invocation_id not in engine.timeline.asked and (
            call.status != "cancelled"
        ):
            return f"call {call.invocation_id!r} was recorded and is not made any more"
    changes = differences.of(recording.result, found.result)
    if found.status is ExecutionStatus.COMPLETED and changes:
        first = changes[0]
        now, then = differences.as_json(first.after), differences.as_json(first.before)
        return f"it returned {now}, recorded was {then} (at {first.path})"
    return None


def _is_recorded(recording: Recording, failure: FailureInfo) -> bool:
    then = recording.failure
    return then is not None and then.exception_type == failure.exception_type
