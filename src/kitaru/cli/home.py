"""`kitaru` alone: what needs you, and where help is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kitaru._core.words.similar import one_line
from kitaru._core.words.wording import short
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import render
from kitaru.cli.output import console

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
def home() -> None:
    """Show what waits for somebody, what failed last and what runs."""
    from kitaru._ops import overview

    found = overview.overview()
    if found is None:
        sys.stdout.write(_START)
        return
    _print(found)


def _print(found: Overview) -> None:
    sections = (
        ("Waiting", found.waiting, "waiting"),
        ("Failed", found.failed, "failed"),
        ("Running", found.running, "running"),
    )
    for title, page, status in sections:
        if page.items:
            _section(title, page, status)
    if not any(page.items for _, page, _ in sections):
        sys.stdout.write("Nothing waits, nothing runs, nothing has failed.\n")
    sys.stdout.write(f"All executions: kitaru executions list. {_HELP}\n")


def _section(title: str, page: Page[Execution], status: str) -> None:
    from rich.text import Text

    out = console()
    out.print(Text(title, style="bold"))
    for item in page.items:
        out.print(Text(f"  {_line(item)}"))
        for step in render.next_steps(item):
            # Commands are indented, and must stay whole to be copied.
            told = step if step.startswith(" ") else one_line(step)
            out.print(Text(f"    {told}"), soft_wrap=True)
    if page.total > len(page.items):
        more = page.total - len(page.items)
        out.print(f"  {more} more: kitaru executions list --status {status}")
    out.print()


def _line(item: Execution) -> str:
    line = f"{short(item.exec_id)}  {item.flow_name}  {render.ago(item.started_at)}"
    return f"{line}  {one_line(item.failure.message)}" if item.failure else line
