"""What two executions of a flow have in common, and what not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from kitaru.models.base import Record


class ValueChange(Record):
    """One place at which two values differ.

    Attributes:
        path: Where, as JSON path: `$.items[2].name`; `$` is the whole value. What was
            added is counted as in the second value, everything else as in the first.
        kind: `changed`, `added` (only the second has it) or `removed` (only the first).
        before: What the first has there, secrets masked; `None` if it was added.
        after: What the second has there, secrets masked; `None` if it was removed.
    """

    path: str
    kind: Literal["changed", "added", "removed"]
    before: Any = None
    after: Any = None


class Spent(Record):
    """What something took; reused results cost nothing.

    Attributes:
        seconds: How long it took, with failed attempts, and of an execution with what
            it waited; `None` if nobody noted it, or it has not ended.
        attempts: How many tries it had; none if its result was taken over.
        tokens: Tokens sent to language models and received from them.
        cost: In US dollars, as far as prices are known; `None` if none is.
    """

    seconds: float | None = None
    attempts: int = 0
    tokens: int = 0
    cost: Decimal | None = None


class ComparedExecution(Spent):
    """One of the two executions.

    Attributes:
        exec_id: Its id.
        status: Where it stands.
        original_exec_id: Id of the execution it is a replay of; `None` if it is none.
        failure: Why it failed, secrets masked; `None` if it did not.
    """

    exec_id: str
    status: str
    original_exec_id: str | None = None
    failure: str | None = None


class ComparedSide(Spent):
    """What a call was in one of the two.

    Attributes:
        status: `running`, `completed`, `failed` or `cancelled`.
        reused: Whether it took over the result of another call.
        overridden: Whether its result was given by whoever started the replay.
        failure: Why it failed, secrets masked; `None` if it did not.
        type: Class of its result with its module; `None` if it has none.
        size: Bytes of its stored result; `None` if it has none.
        hash: SHA-256 of those bytes, in hex; `None` if it has none.
    """

    status: str
    reused: bool = False
    overridden: bool = False
    failure: str | None = None
    type: str | None = None
    size: int | None = None
    hash: str | None = None


class ComparedCall(Record):
    """A checkpoint call of both executions, or of one.

    Attributes:
        invocation_id: Name of the call, by which the two are aligned.
        name: Name of the checkpoint.
        outcome: `same`, `reused` (one took the result over from the other, or both
            from a third), `changed` (another result or failure), `status` (another
            status), `only_in_a` or `only_in_b`.
        a: What it was in the first; `None` if that has no such call.
        b: What it was in the second; `None` if that has no such call.
        more: What the second took more than the first, negative if less; `None` unless
            both have it.
        changes: Where its results differ, if both are JSON data.
        note: Why `changes` does not say all; `None` if it does.
    """

    invocation_id: str
    name: str
    outcome: Literal["same", "reused", "changed", "status", "only_in_a", "only_in_b"]
    a: ComparedSide | None = None
    b: ComparedSide | None = None
    more: Spent | None = None
    changes: tuple[ValueChange, ...] = ()
    note: str | None = None


class ComparedWait(Record):
    """A question of both executions, or of one.

    Attributes:
        name: Name of the wait, by which the two are aligned.
        outcome: `same`, `changed` (another answer, or none yet), `only_in_a` or
            `only_in_b`.
        a: What came of it in the first: `open`, `answered`, or another outcome of an
            answered wait; `None` if it did not ask.
        b: The same for the second; `None` if it did not ask.
        a_answer: The answer in the first, secrets masked; `None` without one.
        b_answer: The answer in the second, secrets masked; `None` without one.
    """

    name: str
    outcome: Literal["same", "changed", "only_in_a", "only_in_b"]
    a: str | None = None
    b: str | None = None
    a_answer: Any = None
    b_answer: Any = None


class FirstDifference(Record):
    """Where two executions part.

    Attributes:
        kind: What differs first: `inputs`, a `call`, a `wait`, the `result`, or the
            `status`.
        name: The input, invocation id or wait; the kind itself for the other two.
        text: The difference in a sentence.
    """

    kind: Literal["inputs", "call", "wait", "result", "status"]
    name: str
    text: str


class Comparison(Record):
    """Two executions of one flow, side by side.

    Attributes:
        flow_name: Name of the flow.
        a: The first.
        b: The second.
        first: Where they part; `None` if they do not.
        inputs: Where the inputs differ, `$.topic` being the input `topic`.
        calls: The calls of both, in the order in which the flow made them.
        waits: The questions of both, in the order in which they were asked.
        result: Where the flows' results differ, if both have one.
        more: What the second took more than the first, negative if less.
    """

    flow_name: str
    a: ComparedExecution
    b: ComparedExecution
    first: FirstDifference | None = None
    inputs: tuple[ValueChange, ...] = ()
    calls: tuple[ComparedCall, ...] = ()
    waits: tuple[ComparedWait, ...] = ()
    result: tuple[ValueChange, ...] = ()
    more: Spent
