"""`kitaru reconcile`: continue or fail what nobody goes on with."""

from __future__ import annotations

from typing import Annotated

import typer

from kitaru._core.words.wording import short
from kitaru._ops import recovery
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import screen
from kitaru.cli.options import Output
from kitaru.cli.output import Format, fail, show_items
from kitaru.cli.screen import say
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.models import Reconciled

_COMMAND = "reconcile"


@exposes(Op.RECONCILE, on=CLI)
def reconcile(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(help="With --watch: seconds between two passes; 30 if left out."),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Go on with what was answered and forgotten, and fail what died or was given up."""
    if every is not None and not watch:
        raise KitaruUsageError("--every is for --watch; add that, or leave --every out")
    if watch:
        interval = recovery.INTERVAL if every is None else every
        _watch(interval, dry_run=dry_run, output=output)
    progress = screen.count if output is Format.TEXT else None
    found = list(recovery.reconcile(dry_run=dry_run, progress=progress))
    show_items(_COMMAND, found, output, lambda: _print(found))
    if any(item.refused for item in found):
        raise typer.Exit(1)


def _watch(every: float, *, dry_run: bool, output: Format) -> None:
    def failed(error: KitaruError) -> None:
        fail(_COMMAND, error, output)

    for item in recovery.watch(interval=every, dry_run=dry_run, failed=failed):
        if output is Format.JSON:
            screen.json_out(item.model_dump(mode="json"), indent=None)
        else:
            say(f"{item.flow_name} {short(item.exec_id)}: {_told(item)}")


def _print(found: list[Reconciled]) -> None:
    if not found:
        say("Nothing to put right.")
        return
    screen.table(
        ("ID", "FLOW", "FOUND", "DONE"),
        (
            (short(item.exec_id), item.flow_name, item.trouble.value, item.detail)
            for item in found
        ),
    )


def _told(item: Reconciled) -> str:
    return f"{item.trouble.value}: {item.detail}"
