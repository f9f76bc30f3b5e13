"""`kitaru init`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from kitaru._core.words.wording import listed
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import tables
from kitaru.cli.options import Output
from kitaru.cli.output import Format, show_item
from kitaru.cli.screen import say

if TYPE_CHECKING:
    from kitaru._ops.projects import ProjectSetup

_EXAMPLE = "--example"
_FIRST = "first_flow"


class Init(TyperCommand):
    """A command whose `--example` may stand without a name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words; without a name the first example is meant."""
        if _EXAMPLE in args:
            after = args.index(_EXAMPLE) + 1
            if after == len(args) or args[after].startswith("-"):
                args = [*args[:after], _FIRST, *args[after:]]
        return super().parse_args(ctx, args)


@exposes(Op.PROJECT_INIT, on=CLI)
def init(
    path: Annotated[
        Path, typer.Argument(help="The folder; made if it does not exist.")
    ] = Path(),
    example: Annotated[
        str | None,
        typer.Option(
            _EXAMPLE,
            metavar="NAME",
            help="Write an example as well: first_flow (without a name), coding, "
            "data_quality, fleet, research, step20 or support.",
        ),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Give a project its settings in pyproject.toml, and an example if wanted."""
    from kitaru._ops import projects

    done = projects.set_up(path, example=example)
    show_item("init", done, output, lambda: _print(done, path))


def _print(done: ProjectSetup, path: Path) -> None:
    if done.example:
        first = (f"python {shlex.quote(done.example)}", "run the example")
    else:
        place = "" if path == Path() else f" {shlex.quote(str(path))}"
        first = (f"kitaru init{place} --example", "write a first flow to run")
    steps = (
        first,
        ("kitaru", "see what waits for you and what failed"),
        ("kitaru info", "see which settings are in force, and where they come from"),
    )
    lines = [f"{done.folder}: {_what(done)}", *done.notes, "", "Next:"]
    say(*lines, *tables.aligned(steps))


def _what(done: ProjectSetup) -> str:
    if not done.written:
        return f"nothing to do; there already: {', '.join(done.kept)}"
    kept = f" (kept {', '.join(done.kept)})" if done.kept else ""
    return "wrote " + listed(done.written) + kept
