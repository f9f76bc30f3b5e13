"""The file that holds the log of one execution."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Literal, Protocol

from pydantic_core import from_json, to_json

from kitaru._core.secrecy import masking
from kitaru._engine.disk import private
from kitaru.errors import KitaruLogRetrievalError
from kitaru.models import LogEntry

Source = Literal["step", "runner"]
_NUMBERS = logging.getLevelNamesMapping()


class LogSink(Protocol):
    """Takes log entries."""

    def write(
        self, message: str, *, level: str = "INFO", checkpoint: str | None = None
    ) -> None:
        """Keep one entry."""
        ...


class LogFile:
    """The log of one execution."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._kept: FileIO | None = None

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Open the file once for the `with` body; else each entry opens it."""
        # If that fails, each entry tries again.
        with suppress(OSError):
            self._kept = self._opened()
        try:
            yield
        finally:
            with self._lock:
                kept, self._kept = self._kept, None
            if kept is not None:
                kept.close()

    def write(
        self, message: str, *, level: str = "INFO", checkpoint: str | None = None
    ) -> None:
        """Append one entry."""
        entry = {
            "timestamp": datetime.now(UTC),
            # A number is what ZenML reads as a level, too.
            "level": _NUMBERS.get(level, level),
            # Lone surrogates, of a file name that is not UTF-8 say, become `?`.
            "message": masking.text(message).encode(errors="replace").decode(),
            "source": "step" if checkpoint else "runner",
            "checkpoint": checkpoint,
        }
        # Twice a checkpoint; `json` takes four times as long.
        data = to_json(entry) + b"\n"
        try:
            with self._lock:
                self._append(data)
        except OSError:
            # A log that cannot be written, on a full disk say, must not end the flow:
            # this runs inside the user's own print().
            return

    def has_line(self, end: str) -> bool:
        """Whether an entry ends so; free of the cost of reading them."""
        masked = masking.text(end).encode(errors="replace").decode()
        wanted = to_json(masked)[1:] + b","
        try:
            with self.path.open("rb") as file:
                return any(wanted in line for line in file)
        except OSError:
            return False

    def _append(self, data: bytes) -> None:
        if self._kept is not None:
            self._kept.write(data)
            return
        with self._opened() as file:
            file.write(data)

    def _opened(self) -> FileIO:
        try:
            return FileIO(self.path, "ab", opener=private.opener)
        except FileNotFoundError:
            private.make_folder(self.path.parent)
            return FileIO(self.path, "ab", opener=private.opener)

    def read(self) -> Iterator[LogEntry]:
        """Yield the entries, oldest first; lines of a crashed process as they are."""
        yield from self._read_from(0)[0]

    def follow(
        self, ended: Callable[[], bool], pause: Callable[[], None]
    ) -> Iterator[LogEntry]:
        """Yield entries as they come, until `ended()` and everything is read."""
        offset = 0
        while True:
            last = ended()
            entries, offset = self._read_from(offset)
            yield from entries
            if last:
                return
            pause()

    def _read_from(self, offset: int) -> tuple[list[LogEntry], int]:
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                data = file.read()
        except FileNotFoundError:
            return [], offset
        except OSError as error:
            raise KitaruLogRetrievalError(
                f"{self.path} cannot be read: {error}"
            ) from error
        whole = data[: data.rfind(b"\n") + 1]
        lines = whole.decode("utf-8", "replace").split("\n")
        return [_entry(line, self.path) for line in lines if line], offset + len(whole)


def _entry(line: str, path: Path) -> LogEntry:
    try:
        entry = from_json(line)
        if isinstance(entry["level"], int):
            # Older logs have the name itself.
            entry["level"] = logging.getLevelName(entry["level"])
        return LogEntry(**entry)
    except (ValueError, TypeError, KeyError):
        # Written past us: a crash of the interpreter, a child process.
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return LogEntry(timestamp=written, message=masking.text(line), source="runner")
