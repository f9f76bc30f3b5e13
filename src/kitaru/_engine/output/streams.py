"""The one place where text leaves for the streams of this process.

What is said is cleaned here, so that no caller can forget it, and a stream that is
closed, full or gone ends nothing: what it does not take is dropped.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import TextIO

from kitaru._core.words import plain

_broken: list[TextIO] = []


def say(*lines: str) -> bool:
    """Print lines on stdout; each is one line there, whatever it holds.

    Returns whether stdout took them.
    """
    return put(sys.stdout, _joined(lines))


def tell(*lines: str) -> None:
    """Print lines on stderr; each is one line there, whatever it holds."""
    put(sys.stderr, _joined(lines))


def ask(label: str) -> None:
    """Print the label of a question on stderr; what is typed stands behind it."""
    put(sys.stderr, plain.line(label))


def put(stream: TextIO | None, text: str, *, flush: bool = True) -> bool:
    """Write text that is clean already, and return whether the stream took it."""
    if stream is None:  # Python was started without it.
        return False
    try:
        stream.write(text)
        if flush:
            stream.flush()
    except UnicodeError:
        raise  # The stream is whole; it cannot hold this text.
    # `ValueError`: somebody has closed it.
    except (OSError, ValueError):
        give_up(stream)
        return False
    return True


def fill_in() -> None:
    """Give this process streams if it was started without them (`2>&-`).

    Libraries write to them without a look, and the next file that is opened would get
    the descriptor of a stream, with all that C code prints there.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Stays open as long as the process.
            nowhere = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
            setattr(sys, name, nowhere)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody may look at a stream; not if it is closed, or was never there."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def give_up(stream: TextIO) -> None:
    """Note that a stream is broken, so that the end of the process does not fail on it."""
    if not _broken:
        atexit.register(_let_go)
    if stream not in _broken:
        _broken.append(stream)


def _let_go() -> None:
    """Give a last chance to what was not taken; then let it go where nothing fails.

    Python flushes its streams at the end, and makes exit code 120 of an error there.
    """
    for stream in _broken:
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                _point_nowhere(stream.fileno())


def _point_nowhere(descriptor: int) -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    if nothing != descriptor:
        os.close(nothing)


def _joined(lines: tuple[str, ...]) -> str:
    return "".join(f"{plain.line(line)}\n" for line in lines)
