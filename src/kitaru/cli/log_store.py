"""`kitaru log-store`: where the logs of executions go."""

from __future__ import annotations

from typing import Annotated

import typer

from kitaru._core.words.wording import many, size
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli.groups import group
from kitaru.cli.options import Output
from kitaru.cli.output import Format, show_item
from kitaru.cli.screen import say
from kitaru.models import LogStore

app = group("See and choose where logs go.")


@app.command("show")
@exposes(Op.LOG_STORE, on=CLI)
def show(output: Output = Format.TEXT) -> None:
    """Show where logs are, and how many."""
    from kitaru._ops import log_stores

    _tell("log-store show", log_stores.show(), output)


@app.command("set")
@exposes(Op.LOG_STORE, on=CLI)
def set_(
    folder: Annotated[str, typer.Argument(help="Made if it does not exist.")],
    output: Output = Format.TEXT,
) -> None:
    """Let new logs go to a folder; logs that exist stay and can be read."""
    from kitaru._ops import log_stores

    _tell("log-store set", log_stores.choose(folder), output)


@app.command("reset")
@exposes(Op.LOG_STORE, on=CLI)
def reset(output: Output = Format.TEXT) -> None:
    """Let new logs go to the default folder again."""
    from kitaru._ops import log_stores

    _tell("log-store reset", log_stores.reset(), output)


def _tell(command: str, found: LogStore, output: Format) -> None:
    show_item(command, found, output, lambda: _print(found))


def _print(found: LogStore) -> None:
    default = " (default)" if found.is_default else ""
    say(f"new logs go to {found.folder}{default}")
    for place in found.places:
        say(f"  {place.folder}: {many(place.logs, 'log')}, {size(place.size)}")
