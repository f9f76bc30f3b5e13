"""Questions on a terminal; where nobody can answer, a clear error instead."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from kitaru.errors import KitaruUsageError

T = TypeVar("T")


def is_interactive() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Ask for a yes, unless `yes` was given as an option.

    Raises:
        KitaruUsageError: If nobody can be asked.
        typer.Exit: With 1, if the answer is no.
    """
    if yes:
        return
    if not is_interactive():
        raise KitaruUsageError(
            f"{question} Nobody can answer here; say it with --yes. Nothing was changed"
        )
    if not _asked(lambda: typer.confirm(question, err=True)):
        sys.stderr.write("Nothing was changed.\n")
        raise typer.Exit(1)


def hidden(question: str) -> str:
    """Ask for a text without showing it."""
    return str(_asked(lambda: typer.prompt(question, hide_input=True, err=True)))


def _asked(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except typer.Abort:
        # Ctrl-C in a question ends the command as it does elsewhere.
        raise KeyboardInterrupt from None
