"""Executions that are to go on, and the few processes of this machine that take them.

A machine bears so many processes that start at once. Beyond that an execution queues, and
a process that is done with one takes the next. Where all are busy for long, one more is
started, and so on. Processes that differ in what an execution sees of them (Python,
folder, environment, store) are in pools of their own.

A process leaves its pool in the transaction in which it finds the queue empty, and an
execution queues in the one in which it finds the pool full. So none queues for nobody,
unless a whole pool is killed; then it is `stranded`, which every command puts right that
looks.
"""

from __future__ import annotations

import os
import sqlite3
import time

from kitaru._engine.journal import leases, sealing
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder
from kitaru._engine.settings import limits

SIZE_VARIABLE = "KITARU_RUNNERS"
DEFAULT_SIZE = 32
_PROCESS = "host = ? AND pid = ? AND started = ? AND space = ?"
# So many are started at once; two for each core is what a burst of answers needs.
AT_ONCE = max(4, 2 * (os.cpu_count() or 1))
# A process that has been with one execution for so many seconds is busy for long.
PATIENCE = 5.0


class Queue:
    """The queue of one journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._size = pool_size()

    def admit(self, execution_id: str, pool: str, holder: Holder) -> bool:
        """Take a place in a pool for a process to come, or let the execution queue.

        Who calls this holds the execution's lease, and keeps it if there is a place.
        """
        with self._journal.transaction() as db:
            db.execute("DELETE FROM queue WHERE execution_id = ?", (execution_id,))
            if len(_living(db, pool)) < min(self._size, AT_ONCE):
                _enter(db, holder, execution_id, pool)
                return True
            db.execute(
                "INSERT INTO queue (execution_id, pool) VALUES (?,?)",
                (execution_id, pool),
            )
            db.execute("DELETE FROM leases WHERE execution_id = ?", (execution_id,))
            return False

    def started(
        self, execution_id: str, pool: str, *, by: Holder, runner: Holder
    ) -> None:
        """Give the place and the execution to the process that was started."""
        with self._journal.transaction() as db:
            _leave(db, by, execution_id)
            _enter(db, runner, execution_id, pool)
            leases.write(db, execution_id, runner)

    def not_started(self, execution_id: str, holder: Holder) -> None:
        """Give the place back."""
        with self._journal.transaction() as db:
            _leave(db, holder, execution_id)

    def join(self, execution_id: str, pool: str, runner: Holder) -> None:
        """Be in a pool; the process that started this one may be dead by now."""
        with self._journal.transaction() as db:
            _leave(db, runner, execution_id)
            _enter(db, runner, execution_id, pool, busy_since=time.time())

    def take(self, pool: str, runner: Holder) -> str | None:
        """Become the runner of the next execution, or leave the pool if there is none."""
        with self._journal.transaction() as db:
            for execution_id in _queued(db, pool):
                db.execute("DELETE FROM queue WHERE execution_id = ?", (execution_id,))
                lease = leases.read(db, execution_id)
                if lease is None or not lease.is_live:
                    leases.write(db, execution_id, runner)
                    db.execute(
                        f"UPDATE places SET busy_since = ? WHERE {_PROCESS}",
                        (time.time(), *runner.key),
                    )
                    return execution_id
            _leave(db, runner)
            return None

    def relieve(self, pool: str, holder: Holder) -> str | None:
        """Return an execution that needs one more process, if all are busy for long.

        Its lease and a place in the pool are the caller's, who starts that process.
        """
        if not self.is_awaited(pool):
            return None
        now = time.time()
        with self._journal.transaction() as db:
            busy = _living(db, pool)
            queued = _queued(db, pool)
            # Not by `now - since` alone: the clock may have been put back.
            just_begun = any(
                since is None or abs(now - since) < PATIENCE for since in busy
            )
            if not queued or just_begun or len(busy) >= self._size:
                return None
            execution_id = queued[0]
            db.execute("DELETE FROM queue WHERE execution_id = ?", (execution_id,))
            leases.write(db, execution_id, holder)
            _enter(db, holder, execution_id, pool)
            return execution_id

    def leave(self, runner: Holder) -> None:
        """Leave the pool, whoever queues."""
        with self._journal.transaction() as db:
            _leave(db, runner)

    def is_awaited(self, pool: str) -> bool:
        """Whether an execution queues for a process of that pool."""
        return bool(
            self._journal.read("SELECT 1 FROM queue WHERE pool = ? LIMIT 1", (pool,))
        )

    def holds(self, execution_id: str) -> bool:
        """Whether an execution queues."""
        return bool(
            self._journal.read(
                "SELECT 1 FROM queue WHERE execution_id = ?", (execution_id,)
            )
        )

    def withdraw(self, execution_id: str) -> None:
        """Let an execution queue no more."""
        with self._journal.transaction() as db:
            db.execute("DELETE FROM queue WHERE execution_id = ?", (execution_id,))

    def forget_dead(self) -> None:
        """Take the dead out of all pools."""
        with self._journal.transaction() as db:
            _living(db, "")

    def stranded(self) -> list[str]:
        """Return executions that queue for a pool in which no process lives."""
        if not self._journal.read("SELECT 1 FROM queue LIMIT 1", ()):
            return []
        with self._journal.transaction() as db:
            rows = db.execute(
                f"SELECT execution_id, pool, {sealing.intact('queue')} FROM queue "
                "ORDER BY seq"
            ).fetchall()
            # Whose pool cannot be read, nobody takes either.
            pools = {pool for _, pool, is_intact in rows if is_intact}
            living = {pool for pool in pools if _living(db, pool)}
            return [
                execution_id
                for execution_id, pool, is_intact in rows
                if not (is_intact and pool in living)
            ]


def pool_size() -> int:
    """Return how many processes may go on at once: KITARU_RUNNERS, or 32.

    Raises:
        KitaruUsageError: If it is no positive number.
    """
    meaning = "how many processes may go on with executions at once"
    return limits.number(SIZE_VARIABLE, DEFAULT_SIZE, least=1, meaning=meaning)


def _queued(db: sqlite3.Connection, pool: str) -> list[str]:
    rows = db.execute(
        "SELECT execution_id FROM queue "
        f"WHERE pool = ? AND {sealing.intact('queue')} ORDER BY seq",
        (pool,),
    )
    return [row[0] for row in rows]


def _living(db: sqlite3.Connection, pool: str) -> list[float | None]:
    """Return since when each process of a pool is busy, `None` while it starts.

    What dead ones left goes, those of other pools too: a pool may never be met again.
    """
    # What is damaged is no place; a process may have one more then.
    db.execute(f"DELETE FROM places WHERE NOT {sealing.intact('places')}")
    rows = db.execute(
        "SELECT host, pid, started, space, pool, busy_since, max(heartbeat), "
        "max(steady) FROM places LEFT JOIN leases USING (host, pid, started, space) "
        # One for each process, or for each that is about to be started.
        "GROUP BY host, pid, started, space, places.execution_id",
    ).fetchall()
    living = []
    for *process, its_pool, busy_since, heartbeat, steady in rows:
        holder = Holder(*process)
        if not holder.is_alive(heartbeat or 0.0, steady):
            _leave(db, holder)
        elif its_pool == pool:
            living.append(busy_since)
    return living


def _enter(
    db: sqlite3.Connection,
    holder: Holder,
    execution_id: str,
    pool: str,
    busy_since: float | None = None,
) -> None:
    db.execute(
        # A process that was started may have joined by itself before.
        "INSERT OR IGNORE INTO places "
        "(host, pid, started, space, execution_id, pool, busy_since) "
        "VALUES (?,?,?,?,?,?,?)",
        (*holder.key, execution_id, pool, busy_since),
    )


def _leave(
    db: sqlite3.Connection, holder: Holder, execution_id: str | None = None
) -> None:
    db.execute(
        f"DELETE FROM places WHERE {_PROCESS} AND (?5 IS NULL OR execution_id = ?5)",
        (*holder.key, execution_id),
    )
