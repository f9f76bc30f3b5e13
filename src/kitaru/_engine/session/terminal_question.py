"""Ask an open question on the terminal of the process that waits for its answer."""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from kitaru._core.flows import scope
from kitaru._core.waits.forms import Form, Prompt, form
from kitaru._core.words import plain
from kitaru._engine.output.streams import is_terminal, put
from kitaru.errors import KitaruError
from kitaru.models import PendingWait

_STDIN = 0
_READ = 4096
# One terminal, and perhaps several flows in threads: the first to ask has it.
_taken = threading.Lock()


class TerminalQuestion:
    """The form of one wait, filled in while the process looks for answers elsewhere.

    Without a terminal, or behind a shell's back (`python flow.py &`), it only sleeps.

    Args:
        wait: The open question.
        give: Stores the answer; raises a `KitaruError` if that is not possible.
    """

    def __init__(self, wait: PendingWait, give: Callable[[object], None]) -> None:
        self._wait = wait
        self._give = give
        self._form: Form | None = None
        self._typed = b""
        self._keyboard: int | None = None
        self._owns = False
        self._over = not has_terminal()

    @property
    def is_open(self) -> bool:
        """Whether a question stands on the screen."""
        return self._form is not None

    def idle(self, seconds: float) -> None:
        """Let some time pass; take a line if one is typed meanwhile."""
        if self._over or not self._is_ours():
            time.sleep(seconds)
            return
        if self._form is None:
            self._begin()
        ready, _, _ = select.select([_STDIN], [], [], seconds)
        if ready:
            # Ctrl-C throws away what was typed. A read that waits then would not see it.
            with suppress(BlockingIOError):
                self._read()

    def close(self) -> None:
        """Take the question off; a half typed line must not reach the shell."""
        if self.is_open:
            self._end()
            self._say("\n")
            termios.tcflush(_STDIN, termios.TCIFLUSH)
        if self._keyboard not in (None, _STDIN):
            os.close(self._keyboard)
        self._keyboard = None
        if self._owns:
            self._owns = False
            _taken.release()
        self._over = True

    def _is_ours(self) -> bool:
        if not self._owns:
            self._owns = _taken.acquire(blocking=False)
        # Reading in the background would stop the process (SIGTTIN).
        return self._owns and os.tcgetpgrp(_STDIN) == os.getpgrp()

    def _begin(self) -> None:
        if self._keyboard is None:
            self._keyboard = _keyboard()
        self._form = form(self._wait.name, self._wait.schema)
        self._show(next(self._form))

    def _read(self) -> None:
        assert self._keyboard is not None
        data = os.read(self._keyboard, _READ)
        if not data:
            self._end()
            self._say("\n    nothing is asked here any more\n")
            return
        *lines, self._typed = (self._typed + data).split(b"\n")
        for line in lines:
            if self._form is None:
                return
            self._take(self._form, line.decode(errors="replace").rstrip("\r"))

    def _take(self, asked: Form, line: str) -> None:
        try:
            self._show(asked.send(line))
        except StopIteration as done:
            self._store(done.value)

    def _store(self, value: object) -> None:
        try:
            self._give(value)
        except KitaruError as error:
            self._lines(*plain.block(str(error)))
            self._begin()
        else:
            self._end()

    def _end(self) -> None:
        self._form = None
        self._over = True

    def _show(self, prompt: Prompt) -> None:
        self._lines(*prompt.above)
        self._say(plain.line(f"    or here, {prompt.label}: "))

    def _lines(self, *lines: str) -> None:
        self._say("".join(f"    {plain.line(line)}\n" for line in lines))

    @staticmethod
    def _say(text: str) -> None:
        # Out of scope, so that it is not taken for output of the flow.
        with scope.entered(None):
            put(sys.stderr, text)


def _keyboard() -> int:
    """Open the terminal once more: only what is our own may be read without waiting."""
    try:
        return os.open(os.ttyname(_STDIN), os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        # That of another user, after `su`.
        return _STDIN


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def has_terminal() -> bool:
    """Whether a person can be asked where this process runs."""
    return bool(sys.stdin and _is_terminal(_STDIN) and is_terminal(sys.stderr))
