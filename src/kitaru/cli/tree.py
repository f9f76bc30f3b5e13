"""One execution as a tree: its calls, their attempts and artifacts, its open wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kitaru._core.words.wording import short
from kitaru.cli.output import console
from kitaru.cli.render import ago, coloured, next_steps, took
from kitaru.cli.spending import usage_line
from kitaru.models import ArtifactRef, CheckpointCall, Execution, FailureInfo

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

_COLOURS = {"running": "cyan", "completed": "green", "failed": "red"}
_MARKS = {"running": "▸", "completed": "✓", "failed": "✗"}
_DIM = "dim"
# The names of a call's columns get no wider than this.
_WIDEST = 40


def execution(item: Execution) -> None:
    """Print an execution, and what to type next."""
    from rich.text import Text
    from rich.tree import Tree

    out = console()
    head = f"{item.flow_name} [bold]{item.exec_id}[/bold] {coloured(item.status)}"
    tree = Tree(Text.from_markup(head), guide_style=_DIM)
    width = min(
        max((len(c.invocation_id) for c in item.checkpoints), default=0), _WIDEST
    )
    for call in item.checkpoints:
        _add_call(tree, call, width)
    if item.pending_wait:
        wait = item.pending_wait
        since = ago(wait.entered_waiting_at)
        tree.add(Text(f"? {wait.name}  asked {since}", style="yellow"))
    out.print(tree)
    for line in (*_facts(item), *next_steps(item)):
        # Commands must stay whole to be copied.
        out.print(Text(line), soft_wrap=True)


def _facts(item: Execution) -> list[str]:
    """Return what there is to say of the execution as a whole."""
    lasted = took(item.started_at, item.ended_at)
    lines = [f"started {ago(item.started_at)}, took {lasted}, stack {item.stack_name}"]
    if item.original_exec_id:
        lines.append(f"replay of {item.original_exec_id}")
    if spent := usage_line(item.usage):
        lines.append(spent)
    lines += [f"  {key}: {value}" for key, value in item.metadata.items()]
    if item.failure:
        lines.append(f"failed ({item.failure.origin.value}): {item.failure.message}")
    return lines


def _add_call(tree: Tree, call: CheckpointCall, width: int) -> None:
    branch = tree.add(_headline(call, width))
    if len(call.attempts) > 1:
        for attempt in call.attempts:
            lasted = took(attempt.started_at, attempt.ended_at)
            text = f"attempt {attempt.number}  {attempt.status}  {lasted}"
            branch.add(_dim(f"{text}{_because(attempt.failure)}"))
    elif call.failure:
        branch.add(_dim(_because(call.failure).removeprefix("  ")))
    for artifact in _saved(call):
        branch.add(_dim(f"{artifact.name}  {artifact.save_type}, {artifact.kind}"))


def _headline(call: CheckpointCall, width: int) -> Text:
    from rich.text import Text

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
    line = Text(f"{mark} {call.invocation_id:<{width}}  ", overflow="ellipsis")
    return line.append("  ".join(words), style=_COLOURS[call.status])


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


def _dim(text: str) -> Text:
    from rich.text import Text

    return Text(text, style=_DIM, overflow="ellipsis")
