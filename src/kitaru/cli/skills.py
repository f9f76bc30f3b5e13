"""`kitaru skills`: what assistants know of Kitaru, and the documents they write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitaru._core.words.wording import many
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli.groups import group
from kitaru.cli.options import Output
from kitaru.cli.output import Format, show_item
from kitaru.cli.screen import say

if TYPE_CHECKING:
    from kitaru._ops.skills import DesignReport, SkillsInstalled

app = group("Teach assistants Kitaru, and check the designs they write.")


@app.command("install")
@exposes(Op.SKILLS, on=CLI)
def install(
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            help="claude, codex, cursor, vscode, or a folder; those in use by default.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be written.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace skills that were changed here.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Write the skills for assistants into this project, and name the MCP server."""
    from kitaru._ops import skills

    done = skills.install(to or [], folder=Path.cwd(), dry_run=dry_run, force=force)
    show_item("skills install", done, output, lambda: _print_installed(done))


@app.command("check")
@exposes(Op.SKILLS, on=CLI)
def check(
    file: Annotated[Path, typer.Argument(help="A flow_architecture.md.")],
    output: Output = Format.TEXT,
) -> None:
    """Check a flow_architecture.md: exit code 1 and the reasons if it is not sound."""
    from kitaru._ops import skills

    report = skills.check(file)
    show_item("skills check", report, output, lambda: _print_report(report))
    if report.problems:
        raise typer.Exit(1)


def _print_installed(done: SkillsInstalled) -> None:
    for file in done.files:
        word = f"would be {file.outcome}" if done.dry_run else file.outcome
        say(f"{word}: {file.path}")
    say(*done.notes)


def _print_report(report: DesignReport) -> None:
    for problem in report.problems:
        say(f"{report.file}:{problem.line}: {problem.message}")
    if report.problems:
        say(many(len(report.problems), "problem"))
    else:
        say(f"{report.file}: sound")
