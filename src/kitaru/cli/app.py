"""The command tree, and the one place that turns errors into messages."""

from __future__ import annotations

import atexit
import gc
import io
import sys
from typing import Annotated, Any

import typer

from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import (
    analytics,
    auth,
    clean,
    connection,
    executions,
    home,
    info,
    log_store,
    models,
    project,
    reconcile,
    secrets,
    stacks,
    tables,
)
from kitaru.cli.options import Output
from kitaru.cli.output import Format, fail, show_item
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.version import __version__

app = typer.Typer(
    name="kitaru",
    help="Operate durable flows: see what runs, answer what waits, retry what failed.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(executions.app, name="executions")
app.add_typer(models.app, name="model")
app.add_typer(secrets.app, name="secrets")
app.add_typer(analytics.app, name="analytics")
app.add_typer(stacks.app, name="stack")
app.add_typer(clean.app, name="clean")
app.add_typer(log_store.app, name="log-store")
app.command("init")(project.init)
app.command("info")(info.info)
app.command("reconcile")(reconcile.reconcile)
app.add_typer(auth.app, name="auth")
app.command("login")(connection.login)
app.command("logout")(connection.logout)


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Operate durable flows: see what runs, answer what waits, retry what failed."""
    if context.invoked_subcommand is None:
        home.home()


@app.command("status")
@exposes(Op.STATUS, on=CLI)
def status(output: Output = Format.TEXT) -> None:
    """Show connection, stack, versions, and what needs somebody."""
    from kitaru._ops import diagnostics

    facts = diagnostics.status()

    def text() -> None:
        rows = (
            (name.replace("_", " "), "-" if value is None else str(value))
            for name, value in facts.items()
        )
        # Lines, no table of rich: a path that is cut cannot be copied.
        sys.stdout.writelines(f"{line[2:]}\n" for line in tables.aligned(rows))

    show_item("status", facts, output, text)


def main() -> None:
    """Run the command; errors become one message and an exit code."""
    # No code of users runs here. Python would look at all that ZenML made once more before
    # the process ends, which takes a third of the time of a short command.
    atexit.register(gc.freeze)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Flows may have names and questions that an old terminal cannot show.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.exit(app(standalone_mode=False))
    except KitaruError as error:
        sys.exit(fail(_command(), error, _format()))
    except _WrongUsage as error:
        if _format() is Format.TEXT:
            error.show()
            sys.exit(2)
        sys.exit(
            fail(_command(), KitaruUsageError(error.format_message()), Format.JSON)
        )
    except (KeyboardInterrupt, typer.Abort):
        if sys.stderr.isatty():
            # What comes next does not belong on the line of a question.
            sys.stderr.write("\n")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our pipe has gone, as `| head` does.
        sys.stderr.close()
        sys.exit(0)


# What typer raises for options that it cannot read; it has no public name there.
_WrongUsage: type[typer.BadParameter] = typer.BadParameter.__mro__[1]


def _command() -> str:
    """Return the words of the command line that name the command."""
    words: list[str] = []
    place: Any = typer.main.get_command(app)
    for word in sys.argv[1:]:
        place = getattr(place, "commands", {}).get(word)
        if place is None:
            break
        words.append(word)
    return " ".join(words)


def _format() -> Format:
    arguments = sys.argv
    json_wanted = any(
        a in ("-ojson", "-o=json", "--output=json")
        or (a in ("-o", "--output") and arguments[i + 1 : i + 2] == ["json"])
        for i, a in enumerate(arguments)
    )
    return Format.JSON if json_wanted else Format.TEXT
