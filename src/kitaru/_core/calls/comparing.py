"""Compare two executions of a flow, call by call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, Literal

from kitaru._core.calls.described import in_order
from kitaru._core.values import differences
from kitaru._core.words.similar import one_line
from kitaru._core.words.wording import size
from kitaru.models import (
    AnsweredWait,
    ArtifactRef,
    AskedWait,
    CheckpointCall,
    ComparedCall,
    ComparedExecution,
    ComparedSide,
    ComparedWait,
    Comparison,
    Execution,
    FailureInfo,
    FirstDifference,
    Spent,
    Usage,
    ValueChange,
)

UNKNOWN = object()
Read = Callable[[Execution, CheckpointCall], Any]
"""Returns the JSON data of a call's result, or `UNKNOWN`."""

_OPEN = "open"
_BEYOND_JSON = (
    "they differ in what JSON data does not show: types, the order of keys, or secrets"
)


def compare(a: Execution, b: Execution, read: Read) -> Comparison:
    """Return what two executions of one flow have in common, and what not."""
    first_calls = {call.invocation_id: call for call in a.checkpoints}
    second_calls = {call.invocation_id: call for call in b.checkpoints}
    first_waits, second_waits = _waits(a), _waits(b)
    calls, waits = [], []
    found: list[FirstDifference | None] = []
    for kind, name in _merged(_timeline(a), _timeline(b)):
        if kind == "call":
            one, other = first_calls.get(name), second_calls.get(name)
            call = _call(_Pair(a, one), _Pair(b, other), read)
            calls.append(call)
            found.append(_of_call(call))
        else:
            wait = _wait(name, first_waits.get(name), second_waits.get(name))
            waits.append(wait)
            found.append(_of_wait(wait))
    inputs, result = _inputs(a, b), _result(a, b)
    sides = _execution(a), _execution(b)
    in_turn = [_of_inputs(inputs), *found, _of_result(result), _of_status(*sides)]
    return Comparison(
        flow_name=a.flow_name,
        a=sides[0],
        b=sides[1],
        first=next((one for one in in_turn if one is not None), None),
        inputs=tuple(inputs),
        calls=tuple(calls),
        waits=tuple(waits),
        result=tuple(result),
        more=_more(*sides),
    )


# -- what is compared with what ------------------------------------------------------

_Entry = tuple[Literal["call", "wait"], str]


def _timeline(execution: Execution) -> list[_Entry]:
    """Return the names of calls and waits in the order in which they came."""
    names = iter(_waits(execution))
    return [
        ("wait", next(names))
        if isinstance(happened, AskedWait)
        else ("call", happened.invocation_id)
        for happened in in_order(execution.checkpoints, _asked(execution))
    ]


def _asked(execution: Execution) -> list[AskedWait]:
    return [*execution.waits, *execution.pending_waits]


def _waits(execution: Execution) -> dict[str, AskedWait]:
    """Return the waits by name; one that was asked again has a number."""
    found: dict[str, AskedWait] = {}
    for wait in _asked(execution):
        tries = (f"{wait.name} (asked again, {n})" for n in count(2))
        name = (
            wait.name
            if wait.name not in found
            else next(one for one in tries if one not in found)
        )
        found[name] = wait
    return found


def _merged(a: Sequence[_Entry], b: Sequence[_Entry]) -> list[_Entry]:
    """Return the entries of both: what only the second has, behind what came before."""
    known, both, place = set(a), list(a), 0
    for entry in b:
        if entry in known:
            place = both.index(entry) + 1
        else:
            both.insert(place, entry)
            place += 1
    return both


@dataclass(frozen=True, slots=True)
class _Pair:
    """A call, and the execution it is of."""

    execution: Execution
    call: CheckpointCall | None


# -- calls ---------------------------------------------------------------------------


def _call(first: _Pair, second: _Pair, read: Read) -> ComparedCall:
    a, b = first.call, second.call
    some = a or b
    assert some is not None  # one of them has it
    one, other = _side(a), _side(b)
    said: dict[str, Any] = {
        "invocation_id": some.invocation_id,
        "name": some.name,
        "a": one,
        "b": other,
    }
    if a is None or b is None or one is None or other is None:
        return ComparedCall(outcome="only_in_b" if a is None else "only_in_a", **said)
    said["more"] = _more(one, other)
    if one.status != other.status:
        return ComparedCall(outcome="status", **said)
    if (one.hash, one.failure) != (other.hash, other.failure):
        changes, note = _changed(first, second, read)
        return ComparedCall(outcome="changed", changes=changes, note=note, **said)
    return ComparedCall(outcome="reused" if _is_shared(a, b) else "same", **said)


def _is_shared(a: CheckpointCall, b: CheckpointCall) -> bool:
    """Whether one result is that of both."""
    made = [call.original_call_id or call.call_id for call in (a, b)]
    return made[0] == made[1] and (a.reused or b.reused)


def _changed(
    first: _Pair, second: _Pair, read: Read
) -> tuple[tuple[ValueChange, ...], str | None]:
    values = []
    for side in (first, second):
        if side.call is None or _output(side.call) is None:
            return (), None
        values.append(read(side.execution, side.call))
    if any(value is UNKNOWN for value in values):
        return (), "the results are no JSON data, or too long: compare size and hash"
    changes = tuple(differences.of(*values))
    if len(changes) == differences.MOST:
        return changes, f"only the first {differences.MOST} places are listed"
    return changes, None if changes else _BEYOND_JSON


def _side(call: CheckpointCall | None) -> ComparedSide | None:
    if call is None:
        return None
    output = _output(call)
    described = output.metadata if output else {}
    return ComparedSide(
        **_taken(call),
        status=call.status,
        reused=call.reused,
        overridden=call.overridden,
        failure=_failure(call.failure),
        type=described.get("type"),
        size=described.get("size"),
        hash=described.get("hash"),
    )


def _taken(call: CheckpointCall) -> dict[str, Any]:
    """Return what a call took; what it took over has cost somebody else something."""
    if call.reused:
        return _spent(0.0, 0, None)
    seconds = _seconds(call.started_at, call.ended_at)
    return _spent(seconds, len(call.attempts), call.usage)


def _output(call: CheckpointCall) -> ArtifactRef | None:
    """Return the result of a call, which stands behind what it saved."""
    last = call.artifacts[-1] if call.artifacts else None
    is_result = last is not None and call.status == "completed"
    return last if is_result else None


def _failure(failure: FailureInfo | None) -> str | None:
    if failure is None:
        return None
    kind = (failure.exception_type or "").removeprefix("builtins.")
    return f"{kind}: {failure.message}" if kind else failure.message


# -- the rest ------------------------------------------------------------------------


def _wait(name: str, a: AskedWait | None, b: AskedWait | None) -> ComparedWait:
    (one, answer), (other, other_answer) = _came_of(a), _came_of(b)
    differ = one != other or bool(differences.of(answer, other_answer))
    outcome: Literal["same", "changed", "only_in_a", "only_in_b"]
    outcome = "changed" if differ else "same"
    if a is None or b is None:
        outcome = "only_in_b" if a is None else "only_in_a"
    return ComparedWait(
        name=name,
        outcome=outcome,
        a=one,
        b=other,
        a_answer=answer,
        b_answer=other_answer,
    )


def _came_of(wait: AskedWait | None) -> tuple[str | None, Any]:
    if isinstance(wait, AnsweredWait):
        return wait.outcome, wait.answer
    return None if wait is None else _OPEN, None


def _inputs(a: Execution, b: Execution) -> list[ValueChange]:
    if a.inputs is None or b.inputs is None:
        return []
    return differences.of(a.inputs, b.inputs)


def _result(a: Execution, b: Execution) -> list[ValueChange]:
    if not all(one.status.value == "completed" for one in (a, b)):
        return []
    return differences.of(a.result, b.result)


def _execution(execution: Execution) -> ComparedExecution:
    own = [call for call in execution.checkpoints if not call.reused]
    return ComparedExecution(
        **_spent(
            _seconds(execution.started_at, execution.ended_at),
            sum(len(call.attempts) for call in own),
            execution.usage,
        ),
        exec_id=execution.exec_id,
        status=execution.status.value,
        original_exec_id=execution.original_exec_id,
        failure=_failure(execution.failure),
    )


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()


def _spent(seconds: float | None, attempts: int, usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {"seconds": seconds, "attempts": attempts, "cost": Decimal(0)}
    return {
        "seconds": seconds,
        "attempts": attempts,
        "tokens": usage.input_tokens + usage.output_tokens,
        "cost": usage.cost,
    }


def _more(a: Spent, b: Spent) -> Spent:
    seconds, cost = None, None
    if a.seconds is not None and b.seconds is not None:
        seconds = b.seconds - a.seconds
    if a.cost is not None and b.cost is not None:
        cost = b.cost - a.cost
    return Spent(
        seconds=seconds,
        attempts=b.attempts - a.attempts,
        tokens=b.tokens - a.tokens,
        cost=cost,
    )


# -- the first difference, in a sentence -----------------------------------------------


def _of_inputs(changes: Sequence[ValueChange]) -> FirstDifference | None:
    if not changes:
        return None
    name = changes[0].path.removeprefix(f"{differences.ROOT}.")
    text = f"input {_sentence(changes[0], name)}"
    return FirstDifference(kind="inputs", name=name, text=text)


def _of_call(call: ComparedCall) -> FirstDifference | None:
    if call.outcome in ("same", "reused"):
        return None
    what = f"checkpoint {call.invocation_id!r}"
    return FirstDifference(
        kind="call", name=call.invocation_id, text=f"{what} {_of_outcome(call)}"
    )


def _of_outcome(call: ComparedCall) -> str:
    a, b = call.a, call.b
    if a is None or b is None:
        return f"is in {'A' if b is None else 'B'} only"
    if call.outcome == "status":
        return f"{a.status} in A, {b.status} in B"
    if a.failure or b.failure:
        return f"failed otherwise: {_brief(a.failure)} in A, {_brief(b.failure)} in B"
    if call.changes:
        return f"has another result: {_sentence(call.changes[0])}"
    return (
        f"has another result: {a.type} of {size(a.size or 0)} in A, "
        f"{b.type} of {size(b.size or 0)} in B"
    )


def _of_wait(wait: ComparedWait) -> FirstDifference | None:
    if wait.outcome == "same":
        return None
    text = {
        "only_in_a": "is asked in A only",
        "only_in_b": "is asked in B only",
        "changed": f"is {_said(wait.a, wait.a_answer)} in A, "
        f"{_said(wait.b, wait.b_answer)} in B",
    }[wait.outcome]
    return FirstDifference(
        kind="wait", name=wait.name, text=f"wait {wait.name!r} {text}"
    )


def _said(outcome: str | None, answer: Any) -> str:
    return f"{outcome}" if answer is None else f"{outcome} with {_brief(answer)}"


def _of_result(changes: Sequence[ValueChange]) -> FirstDifference | None:
    if not changes:
        return None
    text = f"the result of the flow: {_sentence(changes[0])}"
    return FirstDifference(kind="result", name="result", text=text)


def _of_status(a: ComparedExecution, b: ComparedExecution) -> FirstDifference | None:
    if (a.status, a.failure) == (b.status, b.failure):
        return None
    told = (
        f"{one.status} ({_brief(one.failure)})" if one.failure else one.status
        for one in (a, b)
    )
    text = "A is {}, B is {}".format(*told)
    return FirstDifference(kind="status", name="status", text=text)


def _sentence(change: ValueChange, name: str | None = None) -> str:
    where = name or change.path
    if change.kind == "changed":
        return f"{where} is {_brief(change.before)} in A, {_brief(change.after)} in B"
    side, value = (
        ("B", change.after) if change.kind == "added" else ("A", change.before)
    )
    return f"{where} is in {side} only: {_brief(value)}"


def _brief(value: Any) -> str:
    return one_line(differences.as_text(value), 60)
