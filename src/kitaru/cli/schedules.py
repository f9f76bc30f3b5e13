"""`kitaru flow schedules …`: deployed flows that start by themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from kitaru._core.versions import cron
from kitaru._core.words import plain
from kitaru._core.words.wording import short
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import keyboard, render, tables
from kitaru.cli.groups import group
from kitaru.cli.options import Output, Yes
from kitaru.cli.output import Format, parse_object, show_item, show_items
from kitaru.cli.screen import say
from kitaru.errors import KitaruUsageError
from kitaru.models import Schedule

app = group("See when deployed flows start by themselves, and pause or remove that.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule.")]


@app.command("list")
@exposes(Op.SCHEDULE, on=CLI)
def list_schedules(
    flow: Annotated[str | None, typer.Option("--flow", help="Only this flow.")] = None,
    output: Output = Format.TEXT,
) -> None:
    """List schedules: when each is due next, and what it started last."""
    from kitaru._ops import schedules

    found = schedules.find(flow=flow)
    show_items("flow schedules list", found, output, lambda: _table(found))


@app.command("pause")
@exposes(Op.SCHEDULE, on=CLI)
def pause(name: Name, output: Output = Format.TEXT) -> None:
    """Let a schedule start nothing until it is resumed."""
    from kitaru._ops import schedules

    _tell("flow schedules pause", schedules.pause(name), output)


@app.command("resume")
@exposes(Op.SCHEDULE, on=CLI)
def resume(name: Name, output: Output = Format.TEXT) -> None:
    """Let a paused schedule go on with its next time."""
    from kitaru._ops import schedules

    _tell("flow schedules resume", schedules.resume(name), output)


@app.command("run")
@exposes(Op.SCHEDULE, on=CLI)
def run(name: Name, output: Output = Format.TEXT) -> None:
    """Start an execution of a schedule now; its next time stays."""
    from kitaru._ops import schedules

    found = schedules.run(name)
    show_item("flow schedules run", found, output, lambda: render.line(found))


@app.command("delete")
@exposes(Op.SCHEDULE, on=CLI)
def delete(name: Name, yes: Yes = False, output: Output = Format.TEXT) -> None:
    """Remove a schedule; what it has started goes on."""
    from kitaru._ops import schedules

    keyboard.confirm(f"Delete schedule {name}?", yes=yes)
    gone = schedules.delete(name)
    show_item(
        "flow schedules delete",
        {"name": gone},
        output,
        lambda: say(plain.line(f"deleted schedule {gone}; the flow stays deployed")),
    )


def asked(every: str | None, *, args: str | None, **more: str | None) -> Any:
    """Return the schedule of the options of `deploy`; `None` without one.

    Raises:
        KitaruUsageError: For options that are nothing without `--every`.
    """
    if every is not None:
        return {"every": every, "inputs": parse_object("--args", args), **more}
    if args is not None or any(said is not None for said in more.values()):
        raise KitaruUsageError(
            "--timezone, --args, --missed and --schedule say more of --every; add that, "
            "such as --every '0 7 * * 1-5', or leave them out"
        )
    return None


def planned(schedule: Schedule) -> None:
    """Print when a flow will start, and who sees to it."""
    say(
        plain.line(f"  schedule {schedule.name}: next on {_next(schedule)}"),
        "  it is started by the server of: kitaru login, by: kitaru reconcile --watch, "
        "or by the next command",
    )


def _tell(command: str, schedule: Schedule, output: Format) -> None:
    said = "paused" if schedule.is_paused else f"next on {_next(schedule)}"
    line = plain.line(f"schedule {schedule.name}: {said}")
    show_item(command, schedule, output, lambda: say(line))


def _table(found: list[Schedule]) -> None:
    if not found:
        say(
            "No flow starts by itself. Let one: kitaru deploy FILE.py:FLOW --every "
            "'0 7 * * 1-5'"
        )
        return
    rows = [("NAME", "FLOW", "EVERY", "TIME ZONE", "NEXT", "LAST")]
    for one in found:
        last = f"{one.last_at:%Y-%m-%d %H:%M} UTC" if one.last_at else "-"
        if one.last_exec_id and not one.problem:
            last = f"{last}  {short(one.last_exec_id)}"
        due = "paused" if one.is_paused else _next(one)
        rows.append((one.name, one.flow, one.every, one.timezone, due, last))
    say(*(plain.line(line) for line in tables.aligned(rows)))
    for one in found:
        if one.problem:
            say(*plain.block(f"{one.name} started nothing: {one.problem}"))


def _next(schedule: Schedule) -> str:
    return "-" if schedule.next_at is None else _on(schedule.next_at, schedule.timezone)


def _on(at: datetime, timezone: str) -> str:
    """Return a moment on the clock of a schedule: `Mon 2026-11-30 07:00 CET`."""
    return f"{at.astimezone(cron.zone(timezone)):%a %Y-%m-%d %H:%M %Z}"
