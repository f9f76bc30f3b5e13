"""Log lines and where logs are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from kitaru.models.base import Record


class LogPlace(Record):
    """A folder with logs.

    Attributes:
        folder: Its path.
        logs: How many logs are in it, one for each execution.
        size: What they take, in bytes.
    """

    folder: str
    logs: int
    size: int


class LogStore(Record):
    """Where logs of executions go, and the folders that hold some.

    Attributes:
        folder: Path of the folder of new logs.
        is_default: Whether that is the default folder.
        places: That folder, then earlier ones that still hold logs.
    """

    folder: str
    is_default: bool
    places: tuple[LogPlace, ...] = ()


class LogEntry(Record):
    """One line of output.

    Attributes:
        timestamp: When it was written, in UTC.
        level: Name of the level, such as `INFO` or `ERROR`.
        message: The line; in what flows print, secrets are masked.
        source: `step` for what was written inside a checkpoint, `runner` around them.
        checkpoint: Invocation id of that checkpoint call; `None` around them.
    """

    timestamp: datetime
    level: str = "INFO"
    message: str
    source: Literal["step", "runner"] = "step"
    checkpoint: str | None = None
