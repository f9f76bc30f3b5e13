"""Who runs an execution, and whether that process still lives."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

# A runner on another host is taken for dead after this many seconds of silence.
SILENCE = 90.0
HEARTBEAT = 15.0


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, told apart from a later one with the same pid by its start time."""

    host: str
    pid: int
    started: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)

    @classmethod
    def of(cls, pid: int) -> Holder:
        """Return the process of this host with that pid."""
        return cls(_host(), pid, _start_time(pid) or 0.0)

    @classmethod
    def me(cls) -> Holder:
        """Return this process."""
        return cls.of(os.getpid())

    @property
    def is_here(self) -> bool:
        """Whether the process is of this host, so that asking the system is exact."""
        return self.host == _host()

    def is_alive(self, heartbeat: float) -> bool:
        """Whether it lives: exact on this host, by its last heartbeat elsewhere."""
        if not self.is_here:
            return time.time() - heartbeat < SILENCE
        started = _start_time(self.pid)
        return started is not None and abs(started - self.started) < 1.0

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@cache
def _host() -> str:
    return socket.gethostname()


def _start_time(pid: int) -> float | None:
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return float(process.create_time())
    except psutil.NoSuchProcess:
        return None
