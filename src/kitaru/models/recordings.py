"""An execution as a file that people read and tests replay."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from kitaru.models.base import Record
from kitaru.models.executions import FailureOrigin


class RecordedFailure(Record):
    """Why something failed.

    Attributes:
        exception_type: Class of the exception with its module; `None` without one.
        message: What it said; secrets are masked.
        origin: Who is to blame.
    """

    exception_type: str | None = None
    message: str
    origin: FailureOrigin = FailureOrigin.UNKNOWN


class RecordedCall(Record):
    """One checkpoint call of a recording.

    Attributes:
        invocation_id: Name of the call.
        name: Name of the checkpoint.
        status: `completed`, `failed`, or `cancelled` if the flow gave it up.
        position: Its place on the flow's own path, from 1; `None` beside that.
        fingerprint: What tells its arguments from others; `None` if nothing does.
        serializer: How its result was stored: `json`, `tagged` or `text`; `None` if
            that is not in the recording.
        result: Its result as it was stored, secrets masked.
        omitted: Why its result is not in the recording; `None` if it is, or there is
            none.
        failure: Why it failed; `None` if it did not.
    """

    invocation_id: str
    name: str
    status: Literal["completed", "failed", "cancelled"]
    position: int | None = None
    fingerprint: str | None = None
    serializer: str | None = None
    result: Any = None
    omitted: str | None = None
    failure: RecordedFailure | None = None


class RecordedWait(Record):
    """One question of a recording.

    Attributes:
        name: Name of the wait.
        question: What was asked; `None` if the flow did not say.
        answer: The answer, secrets masked; `None` for a gate.
        outcome: What came of it, such as `answered`; `open` if nothing did so far.
        stops: Whether the flow did not ask it: at a breakpoint, or a spent budget.
    """

    name: str
    question: str | None = None
    answer: Any = None
    outcome: str
    stops: bool = False


class Rehearsed(Record):
    """Whether the code as it is now can go on with an execution.

    Attributes:
        exec_id: The execution.
        flow_name: Name of its flow.
        status: `running`, `waiting` or `failed`.
        breaks: Whether it could not go on as it began.
        problem: Why; `None` if it can.
    """

    exec_id: str
    flow_name: str
    status: str
    breaks: bool
    problem: str | None = None


class Recording(Record):
    """An execution as a file: masked, readable, and replayed by tests.

    Attributes:
        format: Version of this shape.
        exec_id: The execution.
        flow_name: Name of its flow.
        status: Where it stood when it was exported.
        inputs: What the flow was given, by parameter, as JSON data with secrets masked;
            `None` if only its own classes can read it.
        calls: Its calls that had an outcome, in the order the flow made them.
        waits: Its questions, oldest first.
        result: What the flow returned, in the same way; `None` unless it has completed.
        failure: Why it failed; `None` if it did not.
    """

    format: int = 1
    exec_id: str
    flow_name: str
    status: str
    inputs: dict[str, Any] | None = Field(default_factory=dict)
    calls: tuple[RecordedCall, ...] = ()
    waits: tuple[RecordedWait, ...] = ()
    result: Any = None
    failure: RecordedFailure | None = None
