"""The few lines a run prints, on stderr; stdout belongs to the user."""

from __future__ import annotations

import os
import shlex
import sys
import threading
import time
from typing import TextIO

from kitaru._core.calls import failures
from kitaru._core.flows import scope
from kitaru._core.secrecy import masking
from kitaru._core.waits import answered, hints
from kitaru._core.waits.answered import Answer
from kitaru._core.words import plain
from kitaru._core.words.wording import duration, moment, short
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.output.streams import is_terminal, put
from kitaru._engine.port.execution import Ending
from kitaru.models import ExecutionStatus, FailureOrigin, PendingWait

_UNICODE = {"go": "▸", "ok": "✓", "no": "✗", "again": "↺", "wait": "…", "note": "!"}
_ASCII = {"go": ">", "ok": "+", "no": "x", "again": "=", "wait": "?", "note": "!"}
_COLOURS = {
    "go": "36",
    "ok": "32",
    "no": "31",
    "again": "34",
    "wait": "33",
    "note": "33",
}
_LEVELS = {"no": "ERROR", "note": "WARNING"}


def _named(error: BaseException | None) -> str:
    """Return type and message of an error, or the type alone."""
    kind = type(error).__name__
    return f"{kind}: {error}" if str(error) else kind


class LineReporter:
    """Formats what happens as lines; subclasses say where lines go."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._here_only = False
        # Whether it is a timer that the flow came to last.
        self._sleeps = False

    def line(self, mark: str, text: str) -> None:
        """Put one line out."""
        raise NotImplementedError

    def begun(
        self, execution_id: str, flow: str, *, finished_calls: int, here_only: bool
    ) -> None:
        """An attempt begins."""
        self._began = time.monotonic()
        self._here_only = here_only
        text = f"{flow} {short(execution_id)} started"
        if finished_calls:
            text = (
                f"{flow} {short(execution_id)} continues, {finished_calls} done before"
            )
        self.line("go", text)
        if here_only:
            self.warn(
                f"{flow} was not defined at the top level of a file: only this process can "
                "continue it"
            )

    def submitted(self, execution_id: str, flow: str, stack: str) -> None:
        """An execution begins elsewhere."""
        self.line(
            "go",
            f"{flow} {short(execution_id)} starts on stack {stack}; follow it with: kitaru "
            f"executions logs {short(execution_id)} --follow",
        )

    def started(self, invocation_id: str) -> None:
        """A checkpoint body begins."""
        self.line("go", f"  {invocation_id}")

    def finished(self, invocation_id: str, seconds: float) -> None:
        """A checkpoint has a durable result."""
        self.line("ok", f"  {invocation_id}  {duration(seconds)}")

    def failed(self, invocation_id: str, error: BaseException, retry_left: int) -> None:
        """A checkpoint body raised."""
        left = f"; trying again, {retry_left} left" if retry_left else ""
        self.line("no", f"  {invocation_id}  {_named(error)}{left}")

    def gave_up(self, invocation_id: str, seconds: float) -> None:
        """A checkpoint body was cancelled, or its process is told to end."""
        self.line("no", f"  {invocation_id}  cancelled after {duration(seconds)}")

    def reused(self, invocation_id: str, note: str | None) -> None:
        """A stored outcome is used again."""
        self.line(
            "again", f"  {invocation_id}  reused" + (f" ({note})" if note else "")
        )

    def waiting(
        self, execution_id: str, wait: PendingWait, *, by_name: bool = False
    ) -> None:
        """The flow waits for an answer; of several, each is told by its name."""
        self._sleeps = wait.kind == "timer"
        if self._sleeps:
            self.line("wait", f"  {wait.name}  until {moment(wait.expires_at)}")
            return
        if wait.kind == "breakpoint":
            call = wait.name.removeprefix("break:")
            command = f"kitaru executions input {short(execution_id)}"
            self.line("wait", f"  stopped before {call}")
            self.line(
                "wait", f"    let it run: {command} --continue, or --step, --stop"
            )
            return
        question = f": {wait.question}" if wait.question else ""
        named = f" --wait {shlex.quote(wait.name)}" if by_name else ""
        answer = hints.hint(wait.schema)
        command = f"kitaru executions input {short(execution_id)}{named}{answer}"
        self.line("wait", f"  waiting for {wait.name!r}{question}")
        self.line("wait", f"    answer with: {command}")
        if wait.expires_at is not None:
            self.line("wait", f"    until {moment(wait.expires_at)}")

    def _after_answer(self, execution_id: str) -> str:
        if self._sleeps and not self._here_only:
            return (
                "it goes on when its time has come and something looks: a local server, "
                "kitaru reconcile --watch, a flow that runs, or any command"
            )
        if self._here_only:
            return (
                f"after the answer, go on in this process: {_resume_here(execution_id)}"
            )
        return "it goes on by itself after the answer"

    def answered(self, name: str, answer: Answer) -> None:
        """A wait is over."""
        mark = "no" if answer.aborted else "ok"
        text = f"  {answered.sentence(name, answer)}"
        self.line("again" if self._has_said(text) else mark, text)

    def _has_said(self, text: str) -> bool:
        """Whether an earlier attempt has put that line out."""
        return False

    def warn(self, message: str) -> None:
        """Something the user should know."""
        self.line("note", f"  {message}")

    def ended(self, execution_id: str, flow: str, ending: Ending) -> None:
        """The attempt is over."""
        name, took = (
            f"{flow} {short(execution_id)}",
            duration(time.monotonic() - self._began),
        )
        if ending.status is ExecutionStatus.COMPLETED:
            self.line("ok", f"{name} completed in {took}")
        elif ending.status is ExecutionStatus.WAITING:
            self.line("wait", f"{name} waits; {self._after_answer(execution_id)}")
        elif ending.status is ExecutionStatus.CANCELLED:
            self.line("no", f"{name} cancelled")
        elif ending.status is ExecutionStatus.RUNNING:
            self.line("no", f"{name}: {_reason(ending.error)}")
        else:
            self.line("no", f"{name} failed: {_reason(ending.error)}")
            if ending.origin is FailureOrigin.DIVERGENCE:
                return  # Retrying takes the same path; the message says what to do.
            again = f"kitaru executions retry {short(execution_id)}"
            self.line("no", f"    go on after the cause is gone: {again}")


def _resume_here(execution_id: str) -> str:
    return f"KitaruClient().executions.resume({short(execution_id)!r})"


def _reason(error: BaseException | None) -> str:
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return failures.message_of(error)
    return _named(error)


# Executions whose lines go to streams of this process: threads may run several at once.
_shown: set[str] = set()


class StreamReporter(LineReporter):
    """Lines for a person at a terminal, kept in the execution's log as well.

    While several executions run in this process, each line says whose it is.
    """

    def __init__(
        self, stream: TextIO | None = None, *, file: LogFile | None = None
    ) -> None:
        super().__init__()
        self._log = LogReporter(file) if file else None
        self._lock = threading.Lock()
        # `None` if Python was started without it.
        self._stream: TextIO | None = stream or sys.stderr
        encoding = (getattr(self._stream, "encoding", None) or "ascii").lower()
        self._marks = _UNICODE if "utf" in encoding else _ASCII
        self._coloured = is_terminal(self._stream) and "NO_COLOR" not in os.environ
        self._execution: str | None = None

    def begun(
        self, execution_id: str, flow: str, *, finished_calls: int, here_only: bool
    ) -> None:
        """An attempt begins; its lines may have to be told from those of others."""
        self._execution = execution_id
        _shown.add(execution_id)
        super().begun(
            execution_id, flow, finished_calls=finished_calls, here_only=here_only
        )

    def ended(self, execution_id: str, flow: str, ending: Ending) -> None:
        """The attempt is over."""
        super().ended(execution_id, flow, ending)
        _shown.discard(execution_id)

    def line(self, mark: str, text: str) -> None:
        """Print one line; not into the log of the checkpoint that is running."""
        sign, text = self._marks[mark], masking.text(text)
        first, *more = plain.block(text)
        if self._coloured:
            sign = f"\x1b[{_COLOURS[mark]}m{sign}\x1b[0m"
        # Out of scope, so that it is not taken for output of the flow.
        with self._lock, scope.entered(None):
            put(self._stream, _lines(f"{sign} {self._whose()}{first}", more))
            if self._log is not None:
                self._log.line(mark, text)

    def _has_said(self, text: str) -> bool:
        return self._log is not None and self._log._has_said(text)

    def _whose(self) -> str:
        several = self._execution is not None and len(_shown) > 1
        return f"[{short(self._execution or '')}] " if several else ""


def _lines(first: str, more: list[str]) -> str:
    return "".join(f"{line}\n" for line in (first, *(f"      {one}" for one in more)))


class LogReporter(LineReporter):
    """Lines for the log of an execution that runs without a terminal."""

    def __init__(self, file: LogFile) -> None:
        super().__init__()
        self._file = file

    def line(self, mark: str, text: str) -> None:
        """Append one entry."""
        level = _LEVELS.get(mark, "INFO")
        self._file.write(f"{_UNICODE[mark]} {text}", level=level)

    def _has_said(self, text: str) -> bool:
        return self._file.has_line(text)


class SilentReporter(LineReporter):
    """No lines at all."""

    def line(self, mark: str, text: str) -> None:
        """Drop the line."""
