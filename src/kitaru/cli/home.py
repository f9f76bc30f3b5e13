"""`kitaru` alone: what needs you, and where help is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kitaru._core.words.similar import one_line
from kitaru._core.words.wording import short
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import render, screen
from kitaru.cli.output import Format, show_item
from kitaru.cli.screen import say

if TYPE_CHECKING:
    from kitaru._ops.overview import Overview
    from kitaru.models import Execution, Page

_HELP = "All commands: kitaru --help"
_START = f"""\
Nothing has run here yet. To start:
  kitaru init --example    write a first flow, and see what to do next
  kitaru login URL         work with the ZenML server of your team
  kitaru info              see what is set up, and which settings hold
{_HELP}
"""


@exposes(Op.STATUS, on=CLI)
def home(output: Format) -> None:
    """Show what waits for somebody, what failed last and what runs."""
    from kitaru._ops import overview

    found = overview.overview()
    if found is None:
        nothing = overview.EMPTY
        show_item("home", nothing, output, lambda: say(*_START.splitlines()))
    else:
        show_item("home", found, output, lambda: _print(found))


def _print(found: Overview) -> None:
    sections = (
        ("Waiting", found.waiting, "waiting"),
        ("Failed", found.failed, "failed"),
        ("Running", found.running, "running"),
    )
    for title, page, status in sections:
        if page.items:
            _section(title, page, status)
    late = render.undelivered(found.undelivered)
    if late:
        say(*late, "")
    if not any(page.items for _, page, _ in sections):
        say("Nothing waits, nothing runs, nothing has failed.")
    say(f"All executions: kitaru executions list. {_HELP}")


def _section(title: str, page: Page[Execution], status: str) -> None:
    screen.draw_line((title, "bold"))
    for item in page.items:
        steps = render.next_steps(item, asked=lambda text: [one_line(text)])
        say(f"  {_line(item)}", *(f"    {step}" for step in steps))
    if page.total > len(page.items):
        more = page.total - len(page.items)
        say(f"  {more} more: kitaru executions list --status {status}")
    say("")


def _line(item: Execution) -> str:
    line = f"{short(item.exec_id)}  {item.flow_name}  {render.ago(item.started_at)}"
    return f"{line}  {one_line(item.failure.message)}" if item.failure else line
