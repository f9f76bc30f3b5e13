"""What flows and checkpoints print and log, kept per execution.

One file of JSON lines per execution, written in append mode, so several attempts and
processes share it. While a flow runs, `print` and `logging` inside it go to the
terminal as always, and to this file.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

from kitaru._core.flows import scope
from kitaru._engine.output import streams
from kitaru._engine.output.log_file import LogSink


def has_terminal() -> bool:
    """Whether the streams of this process are for a person."""
    return _echo


class _Sinks:
    """The open logs of this process by execution; capturing while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, LogSink] = {}
        self._undo: Callable[[], None] | None = None

    def add(self, execution_id: str, file: LogSink) -> None:
        with self._lock:
            self._files[execution_id] = file
            if self._undo is None:
                self._undo = _install()

    def remove(self, execution_id: str) -> None:
        with self._lock:
            self._files.pop(execution_id, None)
            if not self._files and self._undo is not None:
                self._undo()
                self._undo = None

    def current(self) -> tuple[LogSink, str | None] | None:
        """Return the log for the running code, and the checkpoint it is in."""
        here = scope.current()
        if here is None:
            return None
        file = self._files.get(here.runtime.execution_id)
        if file is None:
            return None
        return file, here.call.invocation_id if here.call else None


_sinks = _Sinks()
# Of lines that are printed: the stream says nothing of it, programs report progress and
# what went well on stderr.
_level: ContextVar[str] = ContextVar("kitaru_level", default="INFO")
_echo = True


def without_terminal() -> None:
    """Say that the streams of this process are the execution's log."""
    global _echo
    _echo = False


@contextmanager
def captured(execution_id: str, file: LogSink) -> Iterator[None]:
    """Send what the flow prints and logs to `file` while the `with` body runs."""
    _sinks.add(execution_id, file)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, _Tee):
                stream.flush_rest()
        _sinks.remove(execution_id)


class _Tee(io.TextIOBase):
    """A stream that also feeds the log, line by line and checkpoint by checkpoint."""

    def __init__(self, stream: TextIO | None) -> None:
        # `None` if Python was started without it.
        self._stream = stream
        self._rest: dict[tuple[LogSink, str | None], str] = {}

    def write(self, text: str) -> int:
        place = _sinks.current()
        if place is None:
            return self._stream.write(text) if self._stream else len(text)
        # Without a terminal the stream is the log itself; once is enough.
        if _echo:
            streams.put(self._stream, text, flush=False)
        file, checkpoint = place
        key = (file, checkpoint)
        *lines, rest = (self._rest.pop(key, "") + text).split("\n")
        for line in lines:
            file.write(line, level=_level.get(), checkpoint=checkpoint)
        if rest:
            self._rest[key] = rest
        return len(text)

    def flush_rest(self) -> None:
        """Log what was printed without a final newline."""
        for (file, checkpoint), text in self._rest.items():
            file.write(text, level="INFO", checkpoint=checkpoint)
        self._rest.clear()

    def flush(self) -> None:
        if _sinks.current() is not None:
            streams.put(self._stream, "")
        elif self._stream is not None:
            self._stream.flush()

    def isatty(self) -> bool:
        return streams.is_terminal(self._stream)

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only here
        return self._stream.encoding if self._stream else "utf-8"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Handler(logging.Handler):
    """Feeds `logging` records to the log of the running code."""

    def emit(self, record: logging.LogRecord) -> None:
        place = _sinks.current()
        if place is None:
            return
        file, checkpoint = place
        try:
            message = self.format(record)
        # A bad format string must not end the flow; logging itself does the same.
        except Exception:  # noqa: BLE001
            self.handleError(record)
            return
        file.write(message, level=record.levelname, checkpoint=checkpoint)


def _as_warnings(show: Callable[..., None]) -> Callable[..., None]:
    """Return what prints a warning as `show` does, in lines of that level."""

    def marked(*told: Any, **named: Any) -> None:
        token = _level.set("WARNING")
        try:
            show(*told, **named)
        finally:
            _level.reset(token)

    return marked


def _install() -> Callable[[], None]:
    """Wrap the streams and listen to the root logger; return what undoes it."""
    out, err, root = sys.stdout, sys.stderr, logging.getLogger()
    tee_out, tee_err = _Tee(out), _Tee(err)
    sys.stdout, sys.stderr = tee_out, tee_err
    handlers: list[logging.Handler] = [_Handler()]
    level = root.level
    if not root.handlers:
        # Nobody configured logging. Without our handler Python would print warnings
        # and drop the rest; keep the former, and keep INFO for the log.
        if _echo:
            last_resort = logging.StreamHandler(err)
            last_resort.setLevel(logging.WARNING)
            handlers.append(last_resort)
        root.setLevel(logging.INFO)
    for handler in handlers:
        root.addHandler(handler)
    show = warnings.showwarning
    marked = warnings.showwarning = _as_warnings(show)

    def undo() -> None:
        if warnings.showwarning is marked:
            warnings.showwarning = show
        for handler in handlers:
            root.removeHandler(handler)
        root.setLevel(level)
        if sys.stdout is tee_out:
            sys.stdout = out
        if sys.stderr is tee_err:
            sys.stderr = err

    return undo
