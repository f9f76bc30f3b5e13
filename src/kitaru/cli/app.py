"""The command tree, and the one place that turns errors into messages."""

from __future__ import annotations

import atexit
import gc
import io
import sys
from typing import Annotated, Any

import typer

from kitaru._core.words import plain
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import (
    analytics,
    auth,
    check,
    clean,
    connection,
    deployments,
    examples,
    executions,
    home,
    info,
    log_store,
    models,
    page,
    project,
    reconcile,
    screen,
    secrets,
    skills,
    stacks,
    tables,
)
from kitaru.cli.groups import Group, WrongUsage
from kitaru.cli.options import Output
from kitaru.cli.output import Format, fail, show_item
from kitaru.cli.screen import say, tell
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.version import __version__

app = typer.Typer(
    name="kitaru",
    cls=Group,
    help="Operate durable flows: see what runs, answer what waits, retry what failed.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(executions.app, name="executions")
app.command("build")(deployments.build)
app.command("deploy")(deployments.deploy)
app.command("invoke")(deployments.invoke)
app.add_typer(deployments.app, name="flow")
app.add_typer(models.app, name="model")
app.add_typer(secrets.app, name="secrets")
app.add_typer(analytics.app, name="analytics")
app.add_typer(stacks.app, name="stack")
app.add_typer(clean.app, name="clean")
app.add_typer(log_store.app, name="log-store")
app.add_typer(skills.app, name="skills")
app.command("init", cls=project.Init)(project.init)
app.command("info")(info.info)
app.command("check")(check.check)
app.command("reconcile")(reconcile.reconcile)
app.add_typer(auth.app, name="auth")
app.command("login")(connection.login)
app.command("logout")(connection.logout)
app.command("ui")(page.ui)


def _version(value: bool) -> None:
    if value:
        say(__version__)
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
    output: Annotated[
        Format | None,
        typer.Option("--output", "-o", help="text or json, of `kitaru` alone."),
    ] = None,
) -> None:
    """Operate durable flows: see what runs, answer what waits, retry what failed."""
    command = context.invoked_subcommand
    if command is None:
        home.home(output or Format.TEXT)
    elif output is not None:
        raise KitaruUsageError(
            f"-o stands behind the command: kitaru {command} … -o {output.value}"
        )


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
        say(*(line[2:] for line in tables.aligned(rows)))

    show_item("status", facts, output, text)


examples.attach(app)
# After these the store is another one, or gone.
_LEAVING = ("clean", "login", "logout")


def main() -> None:
    """Run the command; errors become one message and an exit code."""
    # No code of users runs here. Python would look at all that ZenML made once more before
    # the process ends, which takes a third of the time of a short command.
    atexit.register(gc.freeze)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Flows may have names and questions that an old terminal cannot show.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
        is_leaving = _command().partition(" ")[0] in _LEAVING
        if not is_leaving and "--dry-run" not in sys.argv:
            _start_what_is_due()
        sys.exit(code)
    except KitaruError as error:
        sys.exit(fail(_command(), error, _format()))
    except WrongUsage as error:
        sys.exit(_explain(error))
    except (KeyboardInterrupt, typer.Abort):
        if screen.is_terminal(sys.stderr):
            # What comes next does not belong on the line of a question.
            tell("")
        sys.exit(130)


def _start_what_is_due() -> None:
    from kitaru._ops import schedules

    tell(*map(plain.line, schedules.fire()))


def _explain(error: typer.BadParameter) -> int:
    """Print what is wrong with the words of the command, and return the exit code."""
    said = error.format_message()
    if not said:
        # A group without a command has shown its help.
        return 2
    if error.ctx is not None and _format() is Format.TEXT:
        tell(error.ctx.get_usage().strip(), f"Help: {error.ctx.command_path} --help")
    return fail(_command(), KitaruUsageError(said), _format())


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
