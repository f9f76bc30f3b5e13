"""`kitaru check`: whether the code as it is now can go on with living executions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kitaru._core.words.wording import many, short
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli.options import Output
from kitaru.cli.output import Format, show_items
from kitaru.cli.screen import say
from kitaru.models import Rehearsed

_COMMAND = "check"


@exposes(Op.CHECK, on=CLI)
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="Files and folders; this folder if left out."
        ),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Say which executions that wait, run or have failed the code here would break."""
    from kitaru._ops import rehearsals

    found = list(rehearsals.check(paths or ()))
    show_items(_COMMAND, found, output, lambda: _print(found))
    if any(item.breaks for item in found):
        raise typer.Exit(1)


def _print(found: list[Rehearsed]) -> None:
    for item in found:
        mark = "✗" if item.breaks else "✓"
        told = item.problem or "goes on"
        say(f"{mark} {short(item.exec_id)} {item.flow_name} {item.status}: {told}")
    broken = sum(item.breaks for item in found)
    if not found:
        say("No execution of flows here waits, runs or has failed.")
    elif broken:
        say(f"The code here would break {broken} of {many(len(found), 'execution')}.")
    else:
        say(f"The code here goes on with all of {many(len(found), 'execution')}.")
