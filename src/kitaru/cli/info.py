"""`kitaru info`: what to paste into a bug report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kitaru._core.words.wording import size
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import tables
from kitaru.cli.options import Output
from kitaru.cli.output import Format, show_item
from kitaru.cli.screen import say

if TYPE_CHECKING:
    from kitaru._ops.diagnostics import Diagnosis, JournalState


@exposes(Op.INFO, on=CLI)
def info(
    all_packages: Annotated[
        bool, typer.Option("--all", help="All installed packages, too.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Gather versions, folders, settings and what is broken; secrets are left out."""
    from kitaru._ops import diagnostics

    found = diagnostics.info(all_packages=all_packages)
    show_item("info", found, output, lambda: _print(found))


def _print(found: Diagnosis) -> None:
    # No table of rich: lines that a bug report keeps as they are.
    lines = [
        *_problems(found.problems),
        *_section("Versions", found.versions),
        *_section("Extras", found.extras),
        *_section("Connection", _spoken(found.connection)),
        *_section("Journal", _journal(found.journal)),
        *_section("Folders", found.paths),
        "Settings of new executions",
        *tables.aligned((s.key, s.value, f"({s.said_by})") for s in found.settings),
        *([] if found.settings else ["  none: the active stack, no cache, no retries"]),
        "",
        *_section("Environment", found.environment),
        f"Analytics: {'on' if found.analytics.opted_in else 'off'} "
        f"({found.analytics.said_by})",
        "",
        *(_section("Packages", found.packages) if found.packages else []),
        "Paste all of this into a bug report; values that may be secret are hidden.",
    ]
    say(*lines)


def _problems(problems: Iterable[str]) -> list[str]:
    found = [f"  {problem}" for problem in problems]
    return ["Problems", *found, ""] if found else []


def _section(title: str, facts: Mapping[str, Any]) -> list[str]:
    told = [(name, str(value)) for name, value in facts.items() if value is not None]
    return [title, *(tables.aligned(told) if told else ["  none"]), ""]


def _spoken(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("_", " "): value for name, value in facts.items()}


def _journal(journal: JournalState) -> dict[str, object]:
    if not journal.exists:
        return {"state": "none yet"}
    if journal.calls is None:
        return {"state": "cannot be read"}
    return {
        "size": size(journal.size),
        "executions": journal.executions,
        "calls": journal.calls,
        "not in ZenML yet": journal.unprojected,
    }
