"""`kitaru analytics …`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli.groups import group
from kitaru.cli.options import Output
from kitaru.cli.output import Format, show_item
from kitaru.cli.screen import say

if TYPE_CHECKING:
    from kitaru._ops.analytics import AnalyticsPreference

app = group("Whether anonymous usage data may be sent; off by default.")


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
    say(f"analytics are {said} ({found.said_by})")
    if wanted is not None and wanted is not found.opted_in:
        say(f"your choice is stored, but {found.said_by} is set and wins")
