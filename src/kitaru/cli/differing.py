"""Two executions side by side: where they part, a table, long values as a diff."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from difflib import unified_diff
from textwrap import wrap

from kitaru._core.values import differences
from kitaru._core.words import plain
from kitaru._core.words.similar import cut
from kitaru._core.words.wording import duration, many, money, short
from kitaru.cli.screen import Piece, draw_line, say, table
from kitaru.models import (
    ComparedCall,
    ComparedExecution,
    ComparedSide,
    ComparedWait,
    Comparison,
    Spent,
    ValueChange,
)

_STYLES = {
    "same": "dim",
    "reused": "dim",
    "changed": "yellow",
    "status": "red",
    "only_in_a": "magenta",
    "only_in_b": "magenta",
}
# Values that fit stand beside each other.
_SHORT = 60
_LONGEST = 100
_DIFF_LINES = 60
# More take too long to be aligned.
_COMPARED_LINES = 2000


def comparison(item: Comparison) -> None:
    """Print two executions side by side."""
    say(
        f"{item.flow_name}: A {_named(item.a)}",
        f"{' ' * len(item.flow_name)}  B {_named(item.b)}",
    )
    if item.first is None:
        say("No difference in inputs, calls, answers and result.")
    else:
        first, *rest = plain.block(f"First difference: {item.first.text}")
        draw_line((first, "bold"))
        say(*rest)
    if item.calls:
        say("")
        table(("CALL", "", "A", "B", "B - A"), map(_row, item.calls))
    _changes("inputs", item.inputs)
    for call in item.calls:
        _changes(call.invocation_id, call.changes)
        if call.note:
            say("", f"{call.invocation_id}: {call.note}")
    if item.waits:
        say("")
        table(("WAIT", "", "A", "B"), map(_wait, item.waits))
    _changes("result of the flow", item.result)
    say("", _total(item))


def _named(one: ComparedExecution) -> str:
    source = one.original_exec_id
    replay = f" (replay of {short(source)})" if source else ""
    return f"{short(one.exec_id)} {one.status}{replay}"


def _row(call: ComparedCall) -> Sequence[Piece]:
    outcome = call.outcome.replace("_", " ")
    return (
        call.invocation_id,
        (outcome, _STYLES[call.outcome]),
        _side(call.a),
        _side(call.b),
        _more(call.more) if call.more else "",
    )


def _side(side: ComparedSide | None) -> str:
    if side is None:
        return "-"
    if side.reused or side.overridden:
        return "reused" if side.reused else "overridden"
    words = [] if side.status == "completed" else [side.status]
    if side.seconds is not None:
        words.append(duration(side.seconds))
    if side.attempts > 1:
        words.append(many(side.attempts, "attempt"))
    if side.tokens:
        words.append(f"{side.tokens:,} tokens")
    if side.cost:
        words.append(money(side.cost))
    return " ".join(words)


def _more(more: Spent) -> str:
    words = []
    if more.seconds is not None and abs(more.seconds) >= 0.1:
        words.append(f"{_sign(more.seconds)}{duration(abs(more.seconds))}")
    if more.attempts:
        words.append(f"{more.attempts:+d} {many(abs(more.attempts), 'attempt')[2:]}")
    if more.tokens:
        words.append(f"{more.tokens:+,} tokens")
    if more.cost:
        words.append(f"{_sign(more.cost)}{money(abs(more.cost))}")
    return " ".join(words)


def _sign(number: float | Decimal) -> str:
    return "-" if number < 0 else "+"


def _wait(wait: ComparedWait) -> Sequence[Piece]:
    told = (
        "-" if said is None else _with(said, answer)
        for said, answer in ((wait.a, wait.a_answer), (wait.b, wait.b_answer))
    )
    outcome = wait.outcome.replace("_", " ")
    return (wait.name, (outcome, _STYLES[wait.outcome]), *told)


def _with(outcome: str, answer: object) -> str:
    if answer is None:
        return outcome
    return f"{outcome} {cut(differences.as_text(answer), _SHORT)}"


def _changes(of: str, changes: Sequence[ValueChange]) -> None:
    if not changes:
        return
    say("", plain.line(f"{of}:"))
    for change in changes:
        before, after = _lines(change.before), _lines(change.after)
        if change.kind != "changed":
            mark, value = ("+", after) if change.kind == "added" else ("-", before)
            text = f"  {mark} {change.path}  {cut(' '.join(value), _LONGEST)}"
            draw_line((text, "green" if mark == "+" else "red"))
        elif len(before) == len(after) == 1 and len(before[0] + after[0]) <= _LONGEST:
            say(plain.line(f"  {change.path}  {before[0]} → {after[0]}"))
        else:
            say(plain.line(f"  {change.path}"))
            _diff(before, after)


def _lines(value: object) -> list[str]:
    """Return a value as lines: long texts as they are, but wrapped, the rest as JSON."""
    if isinstance(value, str) and ("\n" in value or len(value) > _SHORT):
        return [
            part for one in value.splitlines() for part in wrap(one, _LONGEST) or [""]
        ]
    text = differences.as_json(value)
    if len(text) <= _SHORT:
        return [text]
    return differences.as_json(value, indent=2).splitlines()


def _diff(before: list[str], after: list[str]) -> None:
    if max(len(before), len(after)) > _COMPARED_LINES:
        say(f"    {len(before)} lines → {len(after)} lines; whole with -o json")
        return
    found = list(unified_diff(before, after, n=2, lineterm=""))[2:]
    for line in found[:_DIFF_LINES]:
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        draw_line((f"    {line}", colour))
    if len(found) > _DIFF_LINES:
        say(f"    … {len(found) - _DIFF_LINES} more lines; whole with -o json")


def _total(item: Comparison) -> str:
    counts: dict[str, int] = {}
    for call in item.calls:
        counts[call.outcome] = counts.get(call.outcome, 0) + 1
    told = ", ".join(
        f"{number} {outcome.replace('_', ' ')}" for outcome, number in counts.items()
    )
    both = f"{many(len(item.calls), 'call')}: {told}" if told else "no calls"
    more = _more(item.more)
    return f"{both}; B - A: {more}" if more else both
