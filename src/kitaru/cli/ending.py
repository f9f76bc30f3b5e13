"""How commands end that show a log, or stay until an execution does not run any more."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from kitaru.cli import render, screen
from kitaru.cli.output import Format, show_item, show_items
from kitaru.cli.screen import say
from kitaru.models import Execution, ExecutionStatus, LogEntry


def log(
    command: str, entries: Iterable[LogEntry], output: Format, *, follow: bool
) -> None:
    """Print a log: as a whole, or each line as it comes until nobody reads any more."""
    if not follow:
        found = list(entries)
        lines = [line for entry in found for line in render.log_lines(entry)]
        show_items(command, found, output, lambda: say(*lines))
        return
    for entry in entries:
        if output is Format.JSON:
            taken = screen.json_out(entry.model_dump(mode="json"), indent=None)
        else:
            taken = say(*render.log_lines(entry))
        if not taken:
            return


def settled(command: str, found: Execution, output: Format) -> None:
    """Print where an execution came to that somebody has waited for."""
    show_item(command, found, output, lambda: render.settled(found))
    exit_if_failed(found)


def exit_if_failed(found: Execution) -> None:
    """End with exit code 1 if an execution has failed or was cancelled.

    Raises:
        typer.Exit: Then.
    """
    if found.status in (ExecutionStatus.FAILED, ExecutionStatus.CANCELLED):
        raise typer.Exit(1)
