"""`kitaru ui`: the page for answers and executions."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli.options import Output
from kitaru.cli.output import Format, show_item
from kitaru.cli.screen import say
from kitaru.errors import KitaruFeatureNotAvailableError

# No surface imports another one; this one is a program that is started.
_PROGRAM = "kitaru.ui.command"


@exposes(Op.SERVE_PAGE, on=CLI)
def ui(
    port: Annotated[
        int | None,
        typer.Option(help="Where to serve it; 0 for any port that is free."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Serve the page: answer what waits, look at executions and steer them.

    It is for you at this machine; the address that is printed carries a token. Ctrl-C
    ends it.
    """
    try:
        command = import_module(_PROGRAM)
    except ImportError as error:
        raise KitaruFeatureNotAvailableError(
            f"kitaru ui needs packages that are not installed ({error}); install them "
            "with: pip install 'kitaru[ui]'"
        ) from error

    def tell(url: str) -> None:
        show_item("ui", {"url": url}, output, lambda: _print(url))

    command.serve(port=port, open_browser=not no_browser, tell=tell)


def _print(url: str) -> None:
    say(f"The page is at {url}", "Ctrl-C ends it; executions go on.")
