"""`kitaru clean`: remove what executions that have ended left behind."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from kitaru._core.words.wording import many, size
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import keyboard, screen
from kitaru.cli.groups import group
from kitaru.cli.options import Output, Yes
from kitaru.cli.output import Format, show_item
from kitaru.cli.screen import say
from kitaru.models import Cleaned, CleanPlan, CleanScope, KeptItem

app = group("Remove what executions that have ended left behind.")

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would go and what stays.")
]
OlderThan = Annotated[
    str | None,
    typer.Option(
        metavar="SPAN", help="Only executions that began longer ago, such as 30d."
    ),
]
Keep = Annotated[
    int | None, typer.Option(metavar="N", help="So many of the newest stay.")
]


@app.command("project")
@exposes(Op.CLEAN, on=CLI)
def project(
    older_than: OlderThan = None,
    keep: Keep = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Executions started in this project: their runs, values, logs and journal rows."""
    _clean(
        CleanScope.PROJECT,
        older_than=older_than,
        keep=keep,
        dry_run=dry_run,
        yes=yes,
        output=output,
    )


@app.command("global")
@exposes(Op.CLEAN, on=CLI)
def global_(
    dry_run: DryRun = False, yes: Yes = False, output: Output = Format.TEXT
) -> None:
    """Kitaru's own files: logs and journal rows. The executions stay, as ZenML has them."""
    _clean(CleanScope.GLOBAL, dry_run=dry_run, yes=yes, output=output)


@app.command("all")
@exposes(Op.CLEAN, on=CLI)
def all_(
    older_than: OlderThan = None,
    keep: Keep = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Executions of every folder: their runs, values, logs and journal rows."""
    _clean(
        CleanScope.ALL,
        older_than=older_than,
        keep=keep,
        dry_run=dry_run,
        yes=yes,
        output=output,
    )


def _clean(
    scope: CleanScope,
    *,
    older_than: str | None = None,
    keep: int | None = None,
    dry_run: bool,
    yes: bool,
    output: Format,
) -> None:
    from kitaru._ops import cleaning

    command = f"clean {scope.value}"
    plan = cleaning.plan_clean(scope, older_than=older_than, keep=keep)
    if output is Format.TEXT:
        _print_plan(plan)
    if dry_run or plan.is_empty:
        show_item(command, plan, output, lambda: _say_unchanged(dry_run))
        return
    keyboard.confirm(f"Remove {_count(plan)}?", yes=yes)
    done = cleaning.clean(plan, progress=screen.count)
    show_item(command, done, output, lambda: _print_done(done))


def _print_plan(plan: CleanPlan) -> None:
    where = f" started in {plan.folder}" if plan.folder else ""
    by_status = Counter(item.status for item in plan.items)
    what = ", ".join(f"{count} {status}" for status, count in sorted(by_status.items()))
    lines = [f"executions{where}: {what or 'none to remove'}"]
    if plan.items:
        parts = "runs, values, logs" if plan.with_runs else "logs"
        stay = "" if plan.with_runs else "; runs and values stay in ZenML"
        lines.append(f"  {size(plan.size)} of {parts} and journal rows{stay}")
    if plan.stray_logs:
        lines.append(f"  {many(plan.stray_logs, 'log')} of executions that are gone")
    if plan.half_written:
        lines.append(f"  {many(plan.half_written, 'file')} left half-written")
    if plan.unused_code:
        lines.append(f"  {many(plan.unused_code, 'unused piece')} of code")
    lines += _kept(plan.kept)
    say(*lines)


def _kept(kept: tuple[KeptItem, ...]) -> list[str]:
    reasons = Counter(item.reason for item in kept)
    return [f"kept: {count}, {reason}" for reason, count in reasons.items()]


def _count(plan: CleanPlan) -> str:
    parts = (
        [many(len(plan.items), "execution")] if plan.items and plan.with_runs else []
    )
    if plan.items and not plan.with_runs:
        parts.append(
            f"the logs and journal rows of {many(len(plan.items), 'execution')}"
        )
    if plan.stray_logs:
        parts.append(many(plan.stray_logs, "stray log"))
    if plan.half_written:
        parts.append(many(plan.half_written, "half-written file"))
    if plan.unused_code:
        parts.append(f"{many(plan.unused_code, 'unused piece')} of code")
    return " and ".join(parts)


def _say_unchanged(dry_run: bool) -> None:
    text = "nothing was changed (dry run)" if dry_run else "nothing to clean"
    say(text)


def _print_done(done: Cleaned) -> None:
    count = many(done.removed, "execution")
    what = count if done.with_runs else f"logs and journal rows of {count}"
    say(f"removed {what}, {size(done.size)}")
    if done.stray_logs:
        say(f"removed {many(done.stray_logs, 'stray log')}")
    if done.half_written:
        say(f"removed {many(done.half_written, 'half-written file')}")
    if done.unused_code:
        say(f"removed {many(done.unused_code, 'unused piece')} of code")
    say(*_kept(done.kept))
    if not done.compacted:
        say("the journal is in use and keeps its free space for new executions")
