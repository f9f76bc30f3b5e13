"""Executions as text for people."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from kitaru._core.waits import hints
from kitaru._core.waits.terms import foremost
from kitaru._core.words import plain
from kitaru._core.words.similar import cut
from kitaru._core.words.wording import duration, many, moment, short
from kitaru._ops.replays import Started
from kitaru.cli import tables
from kitaru.cli.screen import say
from kitaru.errors import KitaruWaitValidationError
from kitaru.models import (
    Breakpoint,
    Continuation,
    Execution,
    ExecutionStatus,
    FailureOrigin,
    LogEntry,
    Page,
    PendingWait,
    Undelivered,
)

# Characters of an argument in a line.
_LONGEST = 120
_COLOURS = {
    ExecutionStatus.RUNNING: "cyan",
    ExecutionStatus.WAITING: "yellow",
    ExecutionStatus.COMPLETED: "green",
    ExecutionStatus.FAILED: "red",
    ExecutionStatus.CANCELLED: "magenta",
}


def executions(page: Page[Execution]) -> None:
    """Print a table of executions, and how to see more."""
    tables.listing(
        page,
        ("ID", "FLOW", "STATUS", "STARTED", "TOOK"),
        lambda item: (
            short(item.exec_id),
            item.flow_name,
            coloured(item.status),
            ago(item.started_at),
            took(item.started_at, item.ended_at),
        ),
        nothing="No executions.",
    )


def goes_on(item: Execution, continuation: Continuation) -> None:
    """Print how an execution goes on, or how it has ended meanwhile."""
    if continuation.how == "completed":
        name = f"{item.flow_name} {short(item.exec_id)}"
        say(f"{name} has completed; there is nothing to resume")
        return
    if item.status.is_finished:
        settled(item)
        return
    follow = f"follow it with: kitaru executions logs {short(item.exec_id)} --follow"
    runner = f"process {continuation.pid}" if continuation.pid else "in its pod"
    how = {
        "runner": f"its runner ({runner}) goes on",
        "process": f"process {continuation.pid} goes on; {follow}",
        "queue": f"it goes on when a process is free for it; {follow}",
        "here": "it went on in this process",
        "stack": f"it goes on on stack {item.stack_name}; {follow}",
        "server": f"the server lets it go on on stack {item.stack_name}; {follow}",
    }.get(continuation.how, continuation.how)
    say(f"{item.flow_name} {short(item.exec_id)}: {how}")


def settled(item: Execution) -> None:
    """Print how an execution stands once nothing happens any more."""
    line(item)
    if item.failure:
        say(*plain.block(f"failed: {item.failure.message}"))
    say(*next_steps(item))


def replayed(item: Execution, started: Started) -> None:
    """Print what a replay started."""
    say(*started.notes)
    if item.status is ExecutionStatus.RUNNING:
        goes_on(item, started.continuation)
    else:
        settled(item)
    say(started.how_to_compare)


def line(item: Execution) -> None:
    """Print one execution in one line."""
    say(f"{item.flow_name} {short(item.exec_id)} {item.status.value}")


def facts(metadata: Mapping[str, object]) -> list[str]:
    """Return metadata as indented lines."""
    return [
        f"  {line}"
        for key, value in metadata.items()
        for line in plain.block(f"{key}: {value}")
    ]


def log_lines(entry: LogEntry) -> list[str]:
    """Return one log entry as lines; mostly it is one."""
    local = entry.timestamp.astimezone().strftime("%H:%M:%S")
    level = "" if entry.level == "INFO" else f"{entry.level} "
    place = f"[{entry.checkpoint}] " if entry.checkpoint else ""
    return plain.block(f"{local} {place}{level}{entry.message}")


def ago(moment: datetime | None) -> str:
    """Return a moment as people say it: `just now`, `5 m ago`, `2 d ago`."""
    if moment is None:
        return "-"
    seconds = (datetime.now(UTC) - moment).total_seconds()
    if seconds < 10:
        return "just now"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def ahead(then: datetime | None) -> str:
    """Return a moment to come as people say it: `now`, `in 5 m`, `in 2 d`."""
    if then is None:
        return "-"
    seconds = (then - datetime.now(UTC)).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        if seconds >= size:
            return f"in {seconds // size:.0f} {unit}"
    return "now"


def took(start: datetime | None, end: datetime | None) -> str:
    """Return how long something took, or takes by now."""
    if start is None:
        return "-"
    seconds = ((end or datetime.now(UTC)) - start).total_seconds()
    return duration(seconds)


def coloured(status: ExecutionStatus) -> tuple[str, str]:
    """Return a status and its colour."""
    return status.value, _COLOURS[status]


def answer_command(wait: PendingWait) -> str:
    """Return a command that answers a wait, with an example of an answer."""
    return f"{_input(wait.exec_id)}{hints.hint(wait.schema)}"


def ways_to_answer(wait: PendingWait) -> str:
    """Return that command, and that there is a form, if the example is not the form."""
    command = answer_command(wait)
    has_form = wait.schema is None or command.endswith(" -i")
    return command if has_form else f"{command}, or use -i for a form"


def with_an_example(
    error: KitaruWaitValidationError, wait: PendingWait
) -> KitaruWaitValidationError:
    """Return the refusal of an answer with one that fits, as it is typed here."""
    return KitaruWaitValidationError(
        f"{error}: {ways_to_answer(wait)}",
        field=error.field,
        expected=error.expected,
        got=error.got,
    )


def _input(execution_id: str | None) -> str:
    return f"kitaru executions input {short(execution_id or 'EXEC')}"


def _given(wait: PendingWait) -> str:
    """Return the arguments of a call that is stopped, in one line."""
    arguments = wait.metadata.get("arguments")
    if not isinstance(arguments, dict):
        return ""
    shown = (
        f"{name}={cut(json.dumps(value, ensure_ascii=False), _LONGEST)}"
        for name, value in arguments.items()
    )
    return f"({', '.join(shown)})"


def undelivered(late: Sequence[Undelivered]) -> list[str]:
    """Return what webhooks were to be told and were not, in lines."""
    return [
        plain.line(
            f"not delivered, {many(one.attempts, 'try', 'tries')}: {one.event} of "
            f"{short(one.exec_id)} to {one.webhook}: {one.problem}"
        )
        for one in late
    ]


def breakpoints(whose: str, found: Sequence[Breakpoint]) -> list[str]:
    """Return what breakpoints are set, in lines."""
    if not found:
        return [f"{whose} has no breakpoints"]
    return [
        f"{whose} stops before "
        + ("every call" if one.selector == "*" else one.selector)
        + (" (it did)" if one.matched else "")
        for one in found
    ]


def next_steps(
    item: Execution,
    *,
    asked: Callable[[str], list[str]] = plain.block,
    with_facts: bool = False,
) -> list[str]:
    """Return what to type next, in lines.

    Args:
        item: The execution.
        asked: Makes lines of an open question.
        with_facts: Whether to show what was shown with the question.
    """
    id_ = short(item.exec_id)
    if item.pending_wait:
        wait = foremost(item.pending_waits) or item.pending_wait
        if wait.kind == "timer":
            named = f"--wait {shlex.quote(wait.name)}"
            return [
                f"sleeps until {moment(wait.expires_at)}, {ahead(wait.expires_at)}",
                f"  wake it now: {_input(item.exec_id)} {named}",
            ]
        if wait.kind == "breakpoint":
            call = wait.name.removeprefix("break:")
            return [
                *asked(f"stopped before {call} {_given(wait)}"),
                f"  let it run: {_input(item.exec_id)} --continue, or --step, --stop",
                f"  or give its result: {_input(item.exec_id)} --value "
                '\'{"action": "override", "value": ...}\'',
            ]
        question = f": {wait.question}" if wait.question else ""
        steps = [
            *asked(f"waits for {wait.name!r}{question}"),
            *(facts(wait.metadata) if with_facts else ()),
            f"  answer with: {answer_command(wait)}",
        ]
        if wait.expires_at is not None:
            until = f"{moment(wait.expires_at)}, {ahead(wait.expires_at)}"
            steps.insert(-1, f"  expires {until}")
        if wait.schema is not None:
            steps.append(f"  or in a form: {_input(item.exec_id)} -i")
        if others := [one for one in item.pending_waits if one is not wait]:
            names = ", ".join(shlex.quote(other.name) for other in others)
            steps += asked(f"open as well, answered with --wait NAME: {names}")
        return steps
    if item.failure and item.failure.origin is FailureOrigin.DIVERGENCE:
        return [
            f"  take the new path: kitaru executions replay {id_} --from CHECKPOINT"
        ]
    if item.status is ExecutionStatus.FAILED:
        if item.recovery and item.recovery.next_at:
            at = item.recovery.next_at
            return [
                f"goes on by itself at {moment(at)}, {ahead(at)}, once somebody looks",
                f"  or now: kitaru executions retry {id_}",
            ]
        return [f"  go on after the cause is gone: kitaru executions retry {id_}"]
    return []
