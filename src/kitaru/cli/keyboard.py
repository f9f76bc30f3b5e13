"""Ask the person at the terminal; refuse where there is none."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Any

from kitaru._core.waits.forms import Prompt, drive, form
from kitaru._core.words import plain
from kitaru.cli import render, screen
from kitaru.cli.screen import tell
from kitaru.errors import KitaruUsageError
from kitaru.models import PendingWait

_ENDED = "the input ended before the answer; nothing was stored"


def is_present() -> bool:
    """Whether somebody can read questions and type answers."""
    return screen.is_terminal(sys.stdin) and screen.is_terminal(sys.stderr)


def confirm(question: str, *, yes: bool) -> None:
    """Ask whether to go on; `yes` answers beforehand.

    Raises:
        KitaruUsageError: If the person says no, or nobody can be asked.
    """
    if yes:
        return
    if not is_present():
        raise KitaruUsageError(
            f"{question} Nobody can be asked here; say it with --yes"
        )
    if _line(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise KitaruUsageError("nothing was changed")


def ask(label: str) -> str:
    """Return a line that the person types."""
    return _line(f"{label}: ").strip()


def hidden(question: str) -> str:
    """Ask for a text that is not shown while it is typed.

    Raises:
        KitaruUsageError: If the input ends.
    """
    try:
        return getpass(plain.line(f"{question}: "))
    except EOFError:
        raise KitaruUsageError(_ENDED) from None


def fill_in(wait: PendingWait) -> Any:
    """Return the answer that the person at the terminal gives to a wait.

    Raises:
        KitaruUsageError: If there is no terminal, or the input ends.
    """
    if not is_present():
        raise KitaruUsageError(
            "-i asks on a terminal and there is none here; give the answer with --value"
        )
    tell(*plain.block(wait.question or wait.name))
    tell(*render.facts(wait.metadata))
    return drive(form(wait.name, wait.schema), _read)


def _read(prompt: Prompt) -> str:
    tell(*(f"  {line}" for line in prompt.above))
    return _line(f"  {prompt.label}: ")


def _line(prompt: str) -> str:
    screen.ask(prompt)
    line = sys.stdin.readline()
    if not line:
        tell("")
        raise KitaruUsageError(_ENDED)
    return line.rstrip("\r\n")
