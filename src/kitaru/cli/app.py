"""The command tree, and the one place that turns errors into messages."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import executions, models, secrets
from kitaru.cli.options import Output
from kitaru.cli.output import Format, console, fail, show_item
from kitaru.errors import KitaruError
from kitaru.version import __version__

app = typer.Typer(
    name="kitaru",
    help="Operate durable flows: see what runs, answer what waits, retry what failed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(executions.app, name="executions")
app.add_typer(models.app, name="model")
app.add_typer(secrets.app, name="secrets")


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Operate durable flows: see what runs, answer what waits, retry what failed."""


@app.command("status")
@exposes(Op.STATUS, on=CLI)
def status(output: Output = Format.TEXT) -> None:
    """Show connection, stack, versions, and what needs somebody."""
    from kitaru._ops import diagnostics

    facts = diagnostics.status()

    def text() -> None:
        from rich.table import Table

        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for name, value in facts.items():
            table.add_row(name.replace("_", " "), str(value))
        console().print(table)

    show_item("status", facts, output, text)


def main() -> None:
    """Run the command; errors become one message and an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Flows may have names and questions that an old terminal cannot show.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(standalone_mode=True)
    except KitaruError as error:
        sys.exit(fail(_command(), error, _format()))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our pipe has gone, as `| head` does.
        sys.stderr.close()
        sys.exit(0)


def _command() -> str:
    words = [word for word in sys.argv[1:3] if not word.startswith("-")]
    return " ".join(words)


def _format() -> Format:
    arguments = sys.argv
    json_wanted = any(
        a in ("-ojson", "-o=json", "--output=json")
        or (a in ("-o", "--output") and arguments[i + 1 : i + 2] == ["json"])
        for i, a in enumerate(arguments)
    )
    return Format.JSON if json_wanted else Format.TEXT
