"""`kitaru log-store`: where the logs of executions go."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kitaru._core.words.wording import many, size
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli.options import Output
from kitaru.cli.output import Format, show_item
from kitaru.models import LogStore

app = typer.Typer(help="See and choose where logs go.", no_args_is_help=True)


@app.command("show")
@exposes(Op.LOG_STORE, on=CLI)
def show(output: Output = Format.TEXT) -> None:
    """Show where logs are, and how many."""
    from kitaru._ops import log_stores

    found = log_stores.show()
    show_item("log-store show", found, output, lambda: _print(found))


@app.command("set")
@exposes(Op.LOG_STORE, on=CLI)
def set_(
    folder: Annotated[str, typer.Argument(help="Made if it does not exist.")],
    output: Output = Format.TEXT,
) -> None:
    """Let new logs go to a folder; logs that exist stay and can be read."""
    from kitaru._ops import log_stores

    found = log_stores.choose(folder)
    show_item("log-store set", found, output, lambda: _print(found))


@app.command("reset")
@exposes(Op.LOG_STORE, on=CLI)
def reset(output: Output = Format.TEXT) -> None:
    """Let new logs go to the default folder again."""
    from kitaru._ops import log_stores

    found = log_stores.reset()
    show_item("log-store reset", found, output, lambda: _print(found))


def _print(found: LogStore) -> None:
    default = " (default)" if found.is_default else ""
    sys.stdout.write(f"new logs go to {found.folder}{default}\n")
    for place in found.places:
        sys.stdout.write(
            f"  {place.folder}: {many(place.logs, 'log')}, {size(place.size)}\n"
        )
