"""One execution as a tree: its calls, their attempts and artifacts, its open wait."""

from __future__ import annotations

import json

from kitaru._core.calls.described import in_order
from kitaru._core.waits.answered import short as short_answer
from kitaru._core.words import plain
from kitaru._core.words.similar import cut
from kitaru._core.words.wording import many, moment, short
from kitaru.cli import screen
from kitaru.cli.render import (
    ago,
    ahead,
    coloured,
    facts,
    next_steps,
    took,
    undelivered,
)
from kitaru.cli.screen import Branch, Piece, say
from kitaru.cli.spending import budget_line, usage_line
from kitaru.models import (
    AnsweredWait,
    ArtifactRef,
    CheckpointCall,
    Execution,
    FailureInfo,
    PendingWait,
)

_COLOURS = {
    "running": "cyan",
    "completed": "green",
    "failed": "red",
    "cancelled": "magenta",
}
_MARKS = {"running": "▸", "completed": "✓", "failed": "✗", "cancelled": "✗"}
_OUTCOMES = {
    "answered": ("✓", "green"),
    "default": ("✓", "yellow"),
    "refused": ("✗", "yellow"),
    "expired": ("✗", "red"),
    "aborted": ("✗", "magenta"),
}
_SAID = {"default": "answered by default", "aborted": "given up"}
_DIM = "dim"
# The names of a call's columns get no wider than this.
_WIDEST = 40
# Characters of inputs and result; `-o json` shows them whole.
_LONGEST = 120


def execution(item: Execution) -> None:
    """Print an execution, and what to type next."""
    status = coloured(item.status)
    root = Branch([f"{item.flow_name} ", (item.exec_id, "bold"), " ", status])
    names = [c.invocation_id for c in item.checkpoints] + [w.name for w in item.waits]
    width = min(max(map(len, names), default=0), _WIDEST)
    for happened in in_order(item.checkpoints, item.waits):
        if isinstance(happened, AnsweredWait):
            root.add(*_answered(happened, width))
        else:
            _add_call(root, happened, width)
    for wait in item.pending_waits:
        root.add((f"? {wait.name}  {_open(wait)}", "yellow"))
    screen.tree(root, guide=_DIM)
    say(
        *_facts(item),
        *undelivered(item.undelivered),
        *next_steps(item, with_facts=True),
    )


def _answered(wait: AnsweredWait, width: int) -> tuple[Piece, Piece]:
    """Return one line of an audit: what was said, by whom, with what, and when."""
    mark, colour = _OUTCOMES[wait.outcome]
    if wait.kind == "timer" and wait.outcome == "expired":
        return f"✓ {wait.name:<{width}}  ", (f"over {ago(wait.answered_at)}", "green")
    words = [_SAID.get(wait.outcome, wait.outcome)]
    if wait.answer is not None:
        words.append(short_answer(wait.answer))
    if wait.answered_by:
        words.append(f"by {wait.answered_by}")
    if wait.surface:
        words.append(f"({wait.surface})")
    words.append(f" {ago(wait.answered_at)}")
    return f"{mark} {wait.name:<{width}}  ", (" ".join(words), colour)


def _open(wait: PendingWait) -> str:
    until = f"until {moment(wait.expires_at)}, {ahead(wait.expires_at)}"
    if wait.kind == "timer":
        return f"sleeps {until}"
    since = f"asked {ago(wait.entered_waiting_at)}"
    return since if wait.expires_at is None else f"{since}, {until}"


def _facts(item: Execution) -> list[str]:
    """Return what there is to say of the execution as a whole."""
    lasted = took(item.started_at, item.ended_at)
    lines = [f"started {ago(item.started_at)}, took {lasted}, stack {item.stack_name}"]
    if item.version:
        lines.append(f"deployed version {item.version}")
    if item.recovery and item.recovery.times:
        times = many(item.recovery.times, "time")
        lines.append(f"went on by itself {times} after its process died")
    if item.recovery and item.recovery.stopped:
        stopped = plain.line(item.recovery.stopped)
        lines.append(f"does not go on by itself any more: {stopped}")
    if item.original_exec_id:
        lines.append(f"replay of {item.original_exec_id}")
    said = {
        "key": item.key,
        "tags": [*item.tags],
        "attributes": item.attributes,
        "settings": item.settings,
        "inputs": item.inputs,
        "result": item.result,
    }
    for name, value in said.items():
        # A flow that takes or returns nothing says nothing.
        if value not in (None, {}, []):
            text = json.dumps(value, ensure_ascii=False)
            lines.append(plain.line(f"{name} {cut(text, _LONGEST)}"))
    spent = (usage_line(item.usage), budget_line(item.budget))
    lines += [line for line in spent if line is not None]
    lines += facts(item.metadata)
    if item.failure:
        why = f"failed ({item.failure.origin.value}): {item.failure.message}"
        lines += plain.block(why)
    return lines


def _add_call(tree: Branch, call: CheckpointCall, width: int) -> None:
    branch = tree.add(*_headline(call, width))
    if len(call.attempts) > 1:
        for attempt in call.attempts:
            lasted = took(attempt.started_at, attempt.ended_at)
            text = f"attempt {attempt.number}  {attempt.status}  {lasted}"
            branch.add((f"{text}{_because(attempt.failure)}", _DIM))
    elif call.failure:
        branch.add((_because(call.failure).removeprefix("  "), _DIM))
    for artifact in _saved(call):
        text = f"{artifact.name}  {artifact.save_type}, {artifact.kind}"
        branch.add((text, _DIM))


def _headline(call: CheckpointCall, width: int) -> tuple[Piece, Piece]:
    taken_over = call.reused or call.overridden
    mark = "↺" if taken_over else _MARKS[call.status]
    words = [took(call.started_at, call.ended_at)]
    if call.status != "completed":
        words.insert(0, call.status)
    if call.reused:
        origin = (
            f" from {short(call.original_call_id)}" if call.original_call_id else ""
        )
        words = [f"reused{origin}"]
    if call.overridden:
        words = ["overridden"]
    if len(call.attempts) > 1:
        words.append(f"{len(call.attempts)} attempts")
    name = f"{mark} {call.invocation_id:<{width}}  "
    return name, ("  ".join(words), _COLOURS[call.status])


def _saved(call: CheckpointCall) -> list[ArtifactRef]:
    """Return what the call saved beside its result."""
    return [
        artifact
        for artifact in call.artifacts
        if artifact.direction == "output" and artifact.name != call.invocation_id
    ]


def _because(failure: FailureInfo | None) -> str:
    if failure is None or not failure.message:
        return ""
    name = (failure.exception_type or "").removeprefix("builtins.")
    kind = f"{name}: " if name else ""
    return f"  {kind}{failure.message.splitlines()[0]}"
