"""One execution as a tree: its calls, their attempts and artifacts, its open wait."""

from __future__ import annotations

from kitaru._core.words import plain
from kitaru._core.words.wording import short
from kitaru.cli import screen
from kitaru.cli.render import ago, coloured, facts, next_steps, took
from kitaru.cli.screen import Branch, Piece, say
from kitaru.cli.spending import usage_line
from kitaru.models import ArtifactRef, CheckpointCall, Execution, FailureInfo

_COLOURS = {"running": "cyan", "completed": "green", "failed": "red"}
_MARKS = {"running": "▸", "completed": "✓", "failed": "✗"}
_DIM = "dim"
# The names of a call's columns get no wider than this.
_WIDEST = 40


def execution(item: Execution) -> None:
    """Print an execution, and what to type next."""
    status = coloured(item.status)
    root = Branch([f"{item.flow_name} ", (item.exec_id, "bold"), " ", status])
    width = min(
        max((len(c.invocation_id) for c in item.checkpoints), default=0), _WIDEST
    )
    for call in item.checkpoints:
        _add_call(root, call, width)
    if item.pending_wait:
        wait = item.pending_wait
        since = ago(wait.entered_waiting_at)
        root.add((f"? {wait.name}  asked {since}", "yellow"))
    screen.tree(root, guide=_DIM)
    say(*_facts(item), *next_steps(item))


def _facts(item: Execution) -> list[str]:
    """Return what there is to say of the execution as a whole."""
    lasted = took(item.started_at, item.ended_at)
    lines = [f"started {ago(item.started_at)}, took {lasted}, stack {item.stack_name}"]
    if item.original_exec_id:
        lines.append(f"replay of {item.original_exec_id}")
    if spent := usage_line(item.usage):
        lines.append(spent)
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
