"""Who runs an execution, and whether that process still lives."""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

# A runner on another host is taken for dead after this many seconds of silence.
SILENCE = 90.0
HEARTBEAT = 15.0


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, told apart from a later one with the same pid by when it started.

    `started` is text that only its own host understands: on Linux boot and clock ticks
    since then, which no change of the wall clock touches.
    """

    host: str
    pid: int
    started: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)

    @classmethod
    def of(cls, pid: int) -> Holder:
        """Return the process of this host with that pid."""
        return cls(_host(), pid, _start_time(pid) or "")

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
        return _start_time(self.pid) == self.started

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who runs an execution, and when that runner was last heard of."""

    execution_id: str
    holder: Holder
    heartbeat: float

    @property
    def is_live(self) -> bool:
        """Whether the runner lives."""
        return self.holder.is_alive(self.heartbeat)


def read(db: sqlite3.Connection, execution_id: str) -> Lease | None:
    """Return the lease of an execution in the journal's database."""
    row = db.execute(
        "SELECT host, pid, started, heartbeat FROM leases WHERE execution_id = ?",
        (execution_id,),
    ).fetchone()
    return Lease(execution_id, Holder(*row[:3]), row[3]) if row else None


def write(db: sqlite3.Connection, execution_id: str, holder: Holder) -> None:
    """Make a process the holder, in a transaction of the caller."""
    db.execute(
        "INSERT OR REPLACE INTO leases VALUES (?,?,?,?,?)",
        (execution_id, holder.host, holder.pid, holder.started, time.time()),
    )


@cache
def _host() -> str:
    return socket.gethostname()


def _start_time(pid: int) -> str | None:
    """Return when a living process started, `None` if there is none of that pid."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return _ticks(pid) or f"{process.create_time():.1f}"
    except psutil.NoSuchProcess:
        return None


def _ticks(pid: int) -> str | None:
    """Return boot id and start in clock ticks, field 22 of /proc/PID/stat (proc(5))."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the command in brackets and may hold spaces.
    ticks = text.rpartition(")")[2].split()[19]
    return f"{_boot()}/{ticks}"


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return ""
