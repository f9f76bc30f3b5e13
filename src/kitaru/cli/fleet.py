"""Many executions at once: which these are, a question, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import typer

from kitaru._core.words import plain
from kitaru._core.words.wording import many, short
from kitaru.cli import keyboard, screen
from kitaru.cli.output import Format, show_items
from kitaru.cli.screen import say
from kitaru.errors import KitaruUsageError
from kitaru.models import FleetChange

if TYPE_CHECKING:
    from kitaru._ops.fleet import Action

_SHOWN = 20
_DONE = {"retry": "going on again", "cancel": "cancelled"}


def the_one(
    action: Literal["retry", "cancel"],
    execution: str | None,
    wanted: Mapping[str, Any],
    *,
    many: bool,
    dry_run: bool,
) -> str | None:
    """Return the execution that is meant alone, `None` for all that filters mean.

    Raises:
        KitaruUsageError: If it is neither the one nor the other, or both.
    """
    if many and execution is not None:
        raise KitaruUsageError(
            f"{action} takes an execution or --all, not both: {execution!r} --all"
        )
    if not many and (wanted or dry_run):
        raise KitaruUsageError(
            f"filters and --dry-run are for many executions; add --all: kitaru "
            f"executions {action} --all …"
        )
    if not many and execution is None:
        raise KitaruUsageError(
            f"say which execution: kitaru executions {action} EXEC; or all that are "
            f"meant: kitaru executions {action} --all --flow FLOW"
        )
    return execution


def change(
    action: Action,
    wanted: Mapping[str, Any],
    *,
    dry_run: bool,
    yes: bool,
    output: Format,
) -> None:
    """Do something to all executions that are meant, after showing which these are."""
    from kitaru._ops import fleet

    command = f"executions {action}"
    planned = fleet.plan(action, **wanted)
    if output is Format.TEXT:
        _preview(planned)
    if dry_run or not planned:
        show_items(command, planned, output, lambda: _unchanged(dry_run and planned))
        return
    count = many(len(planned), "execution")
    keyboard.confirm(f"{action.capitalize()} {count}?", yes=yes)
    done = fleet.carry_out(planned, surface="cli", progress=screen.count)
    show_items(command, done, output, lambda: _result(action, done))
    if any(one.outcome == "refused" for one in done):
        raise typer.Exit(1)


def _preview(planned: Sequence[FleetChange]) -> None:
    if not planned:
        say("No execution is meant.")
        return
    screen.table(
        ("ID", "FLOW", "STATUS"),
        [(short(one.exec_id), one.flow_name, one.status) for one in planned[:_SHOWN]],
    )
    if len(planned) > _SHOWN:
        flows = Counter(one.flow_name for one in planned[_SHOWN:])
        told = ", ".join(f"{count} of {flow}" for flow, count in flows.items())
        say(plain.line(f"and {len(planned) - _SHOWN} more: {told}"))


def _unchanged(is_dry_run: object) -> None:
    if is_dry_run:
        say("nothing was changed (dry run)")


def _result(action: Action, done: Sequence[FleetChange]) -> None:
    succeeded = [one for one in done if one.outcome == "done"]
    say(f"{many(len(succeeded), 'execution')} {_DONE[action]}")
    for one in done:
        if one.reason:
            say(*plain.block(f"{short(one.exec_id)} refused: {one.reason}"))
