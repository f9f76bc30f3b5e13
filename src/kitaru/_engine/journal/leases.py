"""Who runs an execution, and whether that process still lives.

Each time an execution gets a runner its lease gets a new token, and every commit of the
runner asks for the token that it began with. So a runner that was taken for dead, after
its machine slept say, changes nothing any more once another one has taken over.
"""

from __future__ import annotations

import os
import secrets
import socket
import sqlite3
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kitaru._engine.journal import sealing
from kitaru._engine.journal.answers import NEVER
from kitaru.errors import KitaruStateError

# A runner that our system cannot be asked about, on another host or in another container,
# is taken for dead after this many seconds of silence.
SILENCE = 90.0
HEARTBEAT = 15.0

# What is due: going on by itself after the runner died; see `runners/recoveries.py`.
RECOVERY = "recovery"

_COLUMNS = "host, pid, started, space, heartbeat, steady, token"


class LeaseLost(KitaruStateError):
    """Another process has become the runner, or this one was taken for dead."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, told apart from a later one with the same pid by when it started.

    `started` is text that only its own host understands: on Linux boot and clock ticks
    since then, which no change of the wall clock touches. `space` is the namespace of its
    pid, as containers have their own; empty where nobody noted it or there are none.
    """

    host: str
    pid: int
    started: str
    space: str = ""

    @property
    def key(self) -> tuple[str, int, str, str]:
        """What tells it apart, in the order of its fields."""
        return self.host, self.pid, self.started, self.space

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)

    @classmethod
    def of(cls, pid: int) -> Holder:
        """Return the process of this host with that pid."""
        return cls(_host(), pid, _start_time(pid) or "", pid_space())

    @classmethod
    def me(cls) -> Holder:
        """Return this process."""
        return cls.of(os.getpid())

    @property
    def is_here(self) -> bool:
        """Whether our system knows the process, so that asking it is exact."""
        return self.host == _host() and self.space in ("", pid_space())

    def is_alive(self, heartbeat: float, steady: float | None = None) -> bool:
        """Whether it lives: exact on this host, by its last heartbeat elsewhere.

        Args:
            heartbeat: When it was last heard of, by the wall clock.
            steady: The same by the clock of its machine that nobody sets, and that stands
                still while the machine sleeps; `None` if nobody noted it.
        """
        if self.is_here:
            return _start_time(self.pid) == self.started
        boot = self.started.partition("/")[0]
        if steady is not None and boot and boot == _boot():
            return time.monotonic() - steady < SILENCE
        return time.time() - heartbeat < SILENCE

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


# Who is to run an execution that was to go on, and for which no process was started.
NOBODY = Holder("", 0, "")


@dataclass(frozen=True, slots=True)
class Lease:
    """Who runs an execution, since which take-over, and when that runner was heard of."""

    execution_id: str
    holder: Holder
    heartbeat: float
    steady: float | None = None
    token: int = 0

    @property
    def is_live(self) -> bool:
        """Whether the runner lives."""
        return self.holder.is_alive(self.heartbeat, self.steady)


def read(db: sqlite3.Connection, execution_id: str) -> Lease | None:
    """Return the lease of an execution in the journal's database."""
    row = db.execute(
        f"SELECT {sealing.intact('leases')}, {_COLUMNS} FROM leases "
        "WHERE execution_id = ?",
        (execution_id,),
    ).fetchone()
    if row is None:
        return None
    sealing.check(row[0], f"who runs execution {execution_id}")
    return _lease(execution_id, *row[1:])


def read_all(db: sqlite3.Connection) -> list[Lease]:
    """Return all leases, of the living and the dead, but those that are damaged."""
    rows = db.execute(
        f"SELECT execution_id, {_COLUMNS} FROM leases WHERE {sealing.intact('leases')}"
    )
    return [_lease(*row) for row in rows]


def _lease(
    execution_id: str,
    host: str,
    pid: int,
    started: str,
    space: str,
    heartbeat: float,
    steady: float | None,
    token: int,
) -> Lease:
    holder = Holder(host, pid, started, space)
    return Lease(execution_id, holder, heartbeat, steady, token)


def write(db: sqlite3.Connection, execution_id: str, holder: Holder) -> Lease:
    """Make a process the holder, in a transaction of the caller."""
    lease = Lease(
        execution_id, holder, time.time(), time.monotonic(), secrets.randbits(62)
    )
    db.execute(
        f"INSERT OR REPLACE INTO leases (execution_id, {_COLUMNS}) "
        "VALUES (?,?,?,?,?,?,?,?)",
        (
            execution_id,
            holder.host,
            holder.pid,
            holder.started,
            holder.space,
            lease.heartbeat,
            lease.steady,
            lease.token,
        ),
    )
    return lease


def recovery_id(execution_id: str) -> str:
    """Return under what is noted that an execution goes on after its runner died."""
    return f"{RECOVERY}:{execution_id}"


def recovered(db: sqlite3.Connection, execution_id: str) -> None:
    """Note that an execution has gone on, in a transaction of the caller."""
    db.execute(
        "UPDATE due SET at = ? WHERE due_id = ?", (NEVER, recovery_id(execution_id))
    )


def refusal(execution_id: str, why: str) -> KitaruStateError:
    """Return the error for who would go on with what goes on already."""
    return KitaruStateError(
        f"execution {execution_id} {why} already; follow it with: "
        f"kitaru executions logs {execution_id} --follow"
    )


def check(db: sqlite3.Connection, execution_id: str, token: int | None) -> None:
    """Refuse to go on for a runner whose lease is gone; `None` asks for nothing.

    Raises:
        LeaseLost: If the token is not that of the lease; says who has it.
    """
    if token is None:
        return
    lease = read(db, execution_id)
    if lease is not None and lease.token == token:
        return
    now = f"{lease.holder} runs it now" if lease else "it was ended meanwhile"
    raise LeaseLost(
        f"this process was not heard of for too long and lost execution {execution_id}: "
        f"{now}. It stops here and has changed nothing since; follow the execution with: "
        f"kitaru executions logs {execution_id} --follow"
    )


def pid_space() -> str:
    """Return the namespace of this process's pid, empty where the system has none."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


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
