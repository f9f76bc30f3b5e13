"""Log lines and where logs are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from kitaru.models.base import Record


class LogPlace(Record):
    """A folder with logs; `size` in bytes."""

    folder: str
    logs: int
    size: int


class LogStore(Record):
    """Where logs of executions go, and the folders that hold some."""

    folder: str
    is_default: bool
    places: tuple[LogPlace, ...] = ()


class LogEntry(Record):
    """One line of output."""

    timestamp: datetime
    level: str = "INFO"
    message: str
    source: Literal["step", "runner"] = "step"
    checkpoint: str | None = None
