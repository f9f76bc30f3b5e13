"""`kitaru analytics …`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli.options import Output
from kitaru.cli.output import Format, show_item

if TYPE_CHECKING:
    from kitaru._ops.analytics import AnalyticsPreference

app = typer.Typer(
    help="Whether anonymous usage data may be sent; off by default.",
    no_args_is_help=True,
)


@app.command("status")
@exposes(Op.ANALYTICS, on=CLI)
def status(output: Output = Format.TEXT) -> None:
    """Show whether anything may be sent, and what says so."""
    from kitaru._ops import analytics

    found = analytics.preference()
    show_item("analytics status", found, output, lambda: _print(found))


@app.command("opt-in")
@exposes(Op.ANALYTICS, on=CLI)
def opt_in(output: Output = Format.TEXT) -> None:
    """Allow anonymous usage data to be sent to ZenML."""
    from kitaru._ops import analytics

    found = analytics.choose(opted_in=True)
    show_item("analytics opt-in", found, output, lambda: _print(found, wanted=True))


@app.command("opt-out")
@exposes(Op.ANALYTICS, on=CLI)
def opt_out(output: Output = Format.TEXT) -> None:
    """Send nothing; `zenml` of the same configuration sends nothing either."""
    from kitaru._ops import analytics

    found = analytics.choose(opted_in=False)
    show_item("analytics opt-out", found, output, lambda: _print(found, wanted=False))


def _print(found: AnalyticsPreference, *, wanted: bool | None = None) -> None:
    said = "on" if found.opted_in else "off: nothing is sent"
    sys.stdout.write(f"analytics are {said} ({found.said_by})\n")
    if wanted is not None and wanted is not found.opted_in:
        sys.stdout.write(
            f"your choice is stored, but {found.said_by} is set and wins\n"
        )
