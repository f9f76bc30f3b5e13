"""The journal: what makes a checkpoint durable on this machine, in one disk flush.

A SQLite database of its own beside the ZenML configuration. Write-ahead log with
`synchronous=FULL`: a commit that returned survives power loss
(https://sqlite.org/pragma.html#pragma_synchronous). Rows are projected to ZenML a
moment later; `projected` remembers which.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kitaru._core.calls.records import CallRecord
from kitaru._core.flows.facts import VERSION, LocalFacts
from kitaru._engine.disk import private
from kitaru._engine.journal import (
    answers,
    descriptions,
    leases,
    schema,
    sealing,
)
from kitaru._engine.journal.leases import Holder, Lease
from kitaru._engine.journal.refusals import BUSY_SECONDS, translated

# Of executions that were only looked at, something may be noted, but no interpreter.
_STARTED_HERE = """
SELECT execution_id FROM executions
WHERE execution_id = ?1 AND body LIKE '%"python": "%'
"""

_RUNNING = ("executions", "leases", "queue", "ended", "due")
_TABLES = ("calls", "notes", "answers", *_RUNNING)
_IDS = " UNION ".join(f"SELECT execution_id FROM {table}" for table in _TABLES)
_ENTRIES = f"""
SELECT known.execution_id, executions.body, {sealing.intact("executions")},
  coalesce(length(executions.body), 0) + coalesce(
    sum(length(calls.body) + coalesce(length(calls.payloads), 0)), 0),
  count(calls.seq) FILTER (WHERE calls.projected <> 1),
  (SELECT count(*) FROM answers WHERE answers.execution_id = known.execution_id)
FROM ({_IDS}) AS known
LEFT JOIN executions USING (execution_id) LEFT JOIN calls USING (execution_id)
WHERE ?1 IS NULL OR known.execution_id = ?1
GROUP BY known.execution_id
"""
_CALL = (
    f"execution_id, invocation_id, body, payloads, caught, {sealing.intact('calls')}"
)
_EXECUTION = f"SELECT body, {sealing.intact('executions')} FROM executions"
_QUEUED = "SELECT 1 FROM queue WHERE execution_id = ?"
# No flip of a bit makes it of the zero that is there otherwise.
_CANCEL = 0x63616E63
_COMPACT_PATIENCE_MS = 2000

_INSERT_CALL = (
    "INSERT INTO calls (execution_id, invocation_id, body, payloads, cache_key, caught) "
    # One statement decides: a runner that lost its lease stores nothing.
    "SELECT ?1,?2,?3,?4,?5,?6 WHERE ?7 IS NULL OR EXISTS "
    "(SELECT 1 FROM leases WHERE execution_id = ?1 AND token = ?7) "
    "ON CONFLICT (execution_id, invocation_id) DO UPDATE SET body = excluded.body, "
    "payloads = excluded.payloads, cache_key = excluded.cache_key, "
    "caught = excluded.caught, projected = 0"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the journal holds of an execution, to decide whether it may go.

    `size` counts the bytes of its rows, `unprojected` the calls ZenML does not have yet,
    `answered` the answers that were accepted.
    """

    execution_id: str
    facts: LocalFacts
    size: int
    unprojected: int
    answered: int
    lease: Lease | None

    @property
    def is_run(self) -> bool:
        """Whether a living process runs it."""
        return self.lease is not None and self.lease.is_live


class Journal:
    """The journal of one machine; safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits = 0
        self._disowned: set[str] = set()
        self._lock = threading.RLock()
        with translated(path):
            private.make_folder(path.parent)
            private.make_file(path)
            self._db = sqlite3.connect(
                path,
                isolation_level=None,
                check_same_thread=False,
                timeout=BUSY_SECONDS,
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            schema.bring_up(self._db, path)
            sealing.install(self._db)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    # -- calls ---------------------------------------------------------------

    def put_call(self, record: CallRecord, token: int | None = None) -> None:
        """Store an outcome: one commit, durable when this returns.

        Raises:
            LeaseLost: If `token` is given and not that of the lease; nothing is stored.
        """
        with self._lock, translated(self.path):
            row = (*descriptions.written_call(record), token)
            done = self._db.execute(_INSERT_CALL, row)
            self.commits += 1
            if not done.rowcount:
                leases.check(self._db, record.execution_id, token)

    def put_calls(self, rows: Sequence[CallRecord], token: int | None = None) -> None:
        """Store several outcomes of an execution in one commit; see `put_call`."""
        with self.transaction() as db:
            for record in rows:
                leases.check(db, record.execution_id, token)
                db.execute(_INSERT_CALL, (*descriptions.written_call(record), token))

    def calls(
        self, execution_id: str, *, unprojected: bool = False
    ) -> list[CallRecord]:
        """Return the outcomes of an execution, oldest first, in one query."""
        where = " AND projected <> 1" if unprojected else ""
        rows = self.read(
            f"SELECT {_CALL} FROM calls WHERE execution_id = ?{where} ORDER BY seq",
            (execution_id,),
        )
        return [descriptions.read_call(self.path, *row) for row in rows]

    def cached(self, key: str) -> CallRecord | None:
        """Return the newest completed call with that cache key."""
        rows = self.read(
            f"SELECT {_CALL} FROM calls WHERE cache_key = ? ORDER BY seq DESC LIMIT 1",
            (key,),
        )
        return descriptions.read_call(self.path, *rows[0]) if rows else None

    def mark_caught(self, execution_id: str, failed: Iterable[CallRecord]) -> None:
        """Note of these failures whether the flow went on after them."""
        with self.transaction() as db:
            db.executemany(
                "UPDATE calls SET caught = ?, projected = 0 "
                "WHERE execution_id = ? AND invocation_id = ?",
                [(call.caught, execution_id, call.invocation_id) for call in failed],
            )

    def mark_projecting(self, execution_id: str, invocation_ids: Iterable[str]) -> None:
        """Note that these outcomes are about to be projected as they are now."""
        self._mark(execution_id, invocation_ids, "projected = 2", "projected = 0")

    def mark_projected(self, execution_id: str, invocation_ids: Iterable[str]) -> None:
        """Note which outcomes ZenML has, except those that changed in the meantime."""
        self._mark(execution_id, invocation_ids, "projected = 1", "projected = 2")

    def _mark(
        self, execution_id: str, invocation_ids: Iterable[str], change: str, where: str
    ) -> None:
        """Change marks without a flush: projecting twice is safe."""
        rows = [(execution_id, invocation_id) for invocation_id in invocation_ids]
        with self.unflushed() as db:
            db.executemany(
                f"UPDATE calls SET {change} "
                f"WHERE execution_id = ? AND invocation_id = ? AND {where}",
                rows,
            )

    # -- executions ----------------------------------------------------------

    def put_execution(
        self, execution_id: str, facts: LocalFacts, holder: Holder
    ) -> None:
        """Note a new execution and who runs it."""
        with self.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO executions (execution_id, body) VALUES (?,?)",
                (execution_id, descriptions.written_facts(facts)),
            )
            leases.write(db, execution_id, holder)

    def update_execution(self, execution_id: str, **changes: Any) -> None:
        """Change what is noted of an execution.

        Args:
            execution_id: The execution.
            changes: The fields of `LocalFacts` that change.
        """
        with self.transaction() as db:
            facts = self.execution(execution_id) or LocalFacts()
            db.execute(
                "INSERT INTO executions (execution_id, body) VALUES (?,?) "
                "ON CONFLICT (execution_id) DO UPDATE SET body = excluded.body",
                (execution_id, descriptions.written_facts(replace(facts, **changes))),
            )

    def begin_again(self, execution_id: str) -> None:
        """Note that another attempt begins: an earlier one's failure is history."""
        facts = self.execution(execution_id)
        # No commit where there is nothing to take back.
        if facts is not None and facts.begun_again() != facts:
            with self.transaction() as db:
                self.update_execution(execution_id, failure=None, version=VERSION)
                leases.recovered(db, execution_id)

    def execution(self, execution_id: str) -> LocalFacts | None:
        """Return what is noted of an execution of this machine."""
        rows = self.read(f"{_EXECUTION} WHERE execution_id = ?", (execution_id,))
        if not rows:
            return None
        return descriptions.read_facts(self.path, execution_id, *rows[0])

    def was_started_here(self, execution_id: str) -> bool:
        """Whether this journal's machine started an execution, not only looked at it."""
        own = "SELECT execution_id FROM own WHERE execution_id = ?1"
        return bool(self.read(f"{_STARTED_HERE} UNION {own}", (execution_id,)))

    def request_cancel(self, execution_id: str) -> None:
        """Ask the runner to stop at the next checkpoint."""
        with self.transaction() as db:
            db.execute(
                "UPDATE executions SET cancel = ? WHERE execution_id = ?",
                (_CANCEL, execution_id),
            )

    def cancel_requested(self, execution_id: str) -> bool:
        """Whether somebody asked the runner to stop."""
        rows = self.read(
            "SELECT cancel FROM executions WHERE execution_id = ?", (execution_id,)
        )
        return bool(rows and rows[0][0] == _CANCEL)

    def note(
        self, execution_id: str, values: Mapping[str, Any], token: int | None = None
    ) -> None:
        """Merge metadata: dicts merge, other values replace."""
        with self.held(execution_id, token) as db:
            known = self.notes(execution_id)
            for key, value in values.items():
                old = known.get(key)
                merged = (
                    old | value
                    if isinstance(old, dict) and isinstance(value, dict)
                    else value
                )
                db.execute(
                    "INSERT INTO notes (execution_id, key, value) VALUES (?,?,?) "
                    "ON CONFLICT (execution_id, key) DO UPDATE SET value = excluded.value",
                    (execution_id, key, json.dumps(merged)),
                )

    def notes(self, execution_id: str) -> dict[str, Any]:
        """Return the metadata of an execution."""
        with self._lock, translated(self.path):
            rows = self._db.execute(
                f"SELECT {sealing.intact('notes')}, CAST(key AS BLOB), "
                "CAST(value AS BLOB) FROM notes WHERE execution_id = ? ORDER BY rowid",
                (execution_id,),
            ).fetchall()
            for is_intact, *_ in rows:
                sealing.check(is_intact, f"the metadata of execution {execution_id}")
            return {key.decode(): json.loads(value) for _, key, value in rows}

    # -- leases --------------------------------------------------------------

    def acquire(
        self,
        execution_id: str,
        holder: Holder,
        *,
        own: bool = True,
        queued: bool = False,
    ) -> Lease:
        """Become the runner of an execution; whoever was it before is not any more.

        Args:
            execution_id: The execution.
            holder: The process.
            own: Whether it may be its runner already: another process has handed it over.
            queued: Whether it may queue for a process; it does not any more then.

        Raises:
            KitaruStateError: If another living process runs it, or this one does and it
                was not handed over, or it queues.
        """
        with self.transaction() as db:
            if queued:
                db.execute("DELETE FROM queue WHERE execution_id = ?", (execution_id,))
            elif not own and db.execute(_QUEUED, (execution_id,)).fetchone():
                raise leases.refusal(execution_id, "queues for a process")
            lease = leases.read(db, execution_id)
            same = lease is not None and lease.holder == holder
            if execution_id in self._disowned and same:
                self._disowned.discard(execution_id)
                own = True
            if lease is not None and not (same and own) and lease.is_live:
                raise leases.refusal(execution_id, f"is run by {lease.holder}")
            if not same:
                # A request that the last runner did not see was not meant for this one.
                db.execute(
                    "UPDATE executions SET cancel = 0 WHERE execution_id = ?",
                    (execution_id,),
                )
            return leases.write(db, execution_id, holder)

    def token_of(self, execution_id: str, holder: Holder) -> int:
        """Return the token by which a runner holds an execution.

        Raises:
            LeaseLost: If it does not.
        """
        with self._lock, translated(self.path):
            lease = leases.read(self._db, execution_id)
            if lease is None or lease.holder != holder:
                leases.check(self._db, execution_id, -1)
            assert lease is not None
            return lease.token

    @contextmanager
    def held(
        self, execution_id: str, token: int | None
    ) -> Iterator[sqlite3.Connection]:
        """A transaction of a runner: refused once another one has the execution.

        Raises:
            LeaseLost: If the token is not that of the lease.
        """
        with self.transaction() as db:
            leases.check(db, execution_id, token)
            yield db

    def check_held(self, execution_id: str, token: int | None) -> None:
        """Refuse to go on for a runner that is none any more.

        Raises:
            LeaseLost: If the token is not that of the lease.
        """
        with self._lock, translated(self.path):
            leases.check(self._db, execution_id, token)

    def take_away(self, lease: Lease) -> None:
        """Let a runner that is taken for dead change nothing any more."""
        with self.transaction() as db:
            db.execute(
                "DELETE FROM leases WHERE execution_id = ? AND token = ?",
                (lease.execution_id, lease.token),
            )

    def hand_over(self, execution_id: str, holder: Holder) -> None:
        """Make another process the runner."""
        with self.transaction() as db:
            leases.write(db, execution_id, holder)

    def release(
        self,
        execution_id: str,
        holder: Holder,
        open_waits: Sequence[str] = (),
        *,
        completed: bool = False,
    ) -> bool:
        """Stop being the runner, unless one of `open_waits` was answered meanwhile.

        Returns whether the lease was given up; if not, go on.
        """
        with self.transaction() as db:
            if any(answers.exists(db, wait) for wait in open_waits):
                return False
            db.execute(
                "DELETE FROM leases WHERE execution_id = ? AND host = ? AND pid = ? "
                "AND started = ? AND space = ?",
                (execution_id, *holder.key),
            )
            if completed:
                db.execute(
                    "INSERT INTO ended (execution_id) VALUES (?)", (execution_id,)
                )
            return True

    def heartbeat(self, execution_id: str, token: int | None = None) -> None:
        """Say that the runner lives; for hosts that cannot ask our system."""
        with self.unflushed() as db:
            db.execute(
                "UPDATE leases SET heartbeat = ?, steady = ? "
                "WHERE execution_id = ? AND (?4 IS NULL OR token = ?4)",
                (time.time(), time.monotonic(), execution_id, token),
            )

    def held_by(self, holder: Holder) -> tuple[str, ...]:
        """Return the executions that a process runs."""
        rows = self.read(
            "SELECT execution_id FROM leases WHERE host = ? AND pid = ? "
            f"AND started = ? AND space = ? AND {sealing.intact('leases')}",
            holder.key,
        )
        return tuple(str(row[0]) for row in rows)

    def disown(self, execution_id: str) -> None:
        """Be its runner no more, though the disk has no room to note that."""
        self._disowned.add(execution_id)

    def lease(self, execution_id: str) -> Lease | None:
        """Return who runs an execution, living or dead."""
        if execution_id in self._disowned:
            return None
        with self._lock, translated(self.path):
            return leases.read(self._db, execution_id)

    def leases(self) -> list[Lease]:
        """Return who runs what, living or dead."""
        with self._lock, translated(self.path):
            return leases.read_all(self._db)

    # -- answers -------------------------------------------------------------

    def decide(
        self, wait_id: str, execution_id: str, body: Mapping[str, Any]
    ) -> Lease | None:
        """Make an answer the one that stands: the first in the journal does.

        Returns the lease of a living runner, who takes it; `None` if nobody runs.

        Raises:
            KitaruStateError: If there is an answer; nothing of this one stays.
        """
        with self.transaction() as db:
            if not answers.put(db, wait_id, execution_id, body):
                raise answers.second(db, wait_id, execution_id)
            lease = _living(db, execution_id)
            if lease is None and not body.get("aborted"):
                answers.untaken(db, execution_id)
            return lease

    def carry_over(
        self, wait_id: str, execution_id: str, body: Mapping[str, Any]
    ) -> Lease | None:
        """Note an answer that was given elsewhere, unless there is one.

        Returns the lease of a living runner, `None` if nobody runs.
        """
        with self.transaction() as db:
            answers.put(db, wait_id, execution_id, body)
            return _living(db, execution_id)

    def answer(self, wait_id: str) -> dict[str, Any] | None:
        """Return the answer that stands, if it came to this journal."""
        with self._lock, translated(self.path):
            return answers.read(self._db, wait_id)

    # -- upkeep --------------------------------------------------------------

    def ids(self) -> set[str]:
        """Return every execution that the journal holds anything of."""
        return {row[0] for row in self.read(_IDS, ())}

    def entries(self, execution_id: str | None = None) -> list[Entry]:
        """Return what the journal holds of one execution, or of all in one go."""
        with self._lock, translated(self.path):
            rows = self._db.execute(_ENTRIES, (execution_id,)).fetchall()
            return [
                Entry(
                    execution_id=row[0],
                    facts=descriptions.read_facts(self.path, *row[:3])
                    if row[1]
                    else LocalFacts(),
                    size=row[3],
                    unprojected=row[4],
                    answered=row[5],
                    lease=leases.read(self._db, row[0]),
                )
                for row in rows
            ]

    def mentions(self, execution_id: str, text: str) -> list[str]:
        """Return the descriptions of an execution and its calls that hold `text`."""
        parts = " UNION ALL ".join(
            f"SELECT body, {sealing.intact(table)} AS intact FROM {table} "
            "WHERE execution_id = ?1 AND (instr(body, ?2) OR NOT intact)"
            for table in ("executions", "calls")
        )
        with self._lock, translated(self.path):
            rows = self._db.execute(parts, (execution_id, text)).fetchall()
            for _, is_intact in rows:
                sealing.check(is_intact, f"the values of execution {execution_id}")
        return [body for body, _ in rows]

    def forget(self, execution_id: str, *, stays: bool = False) -> None:
        """Delete everything of an execution, in one commit.

        Args:
            execution_id: The execution.
            stays: Whether ZenML keeps it: then it stays one that was started here.
        """
        with self.transaction() as db:
            if stays:
                db.execute(
                    f"INSERT OR IGNORE INTO own {_STARTED_HERE}", (execution_id,)
                )
            else:
                db.execute("DELETE FROM own WHERE execution_id = ?", (execution_id,))
            for table in (*_TABLES, "breakpoints"):
                db.execute(
                    f"DELETE FROM {table} WHERE execution_id = ?", (execution_id,)
                )

    def used(self) -> int:
        """Return how many bytes of the file hold something."""
        with self._lock, translated(self.path):
            pages, free, size = (
                self._db.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * size)

    def compact(self) -> bool:
        """Give free space back to the disk; return whether nobody was in the way."""
        with self._lock, translated(self.path):
            self._db.execute(f"PRAGMA busy_timeout = {_COMPACT_PATIENCE_MS}")
            try:
                self._db.execute("VACUUM")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) and "busy" not in str(error):
                    raise
                return False
            finally:
                self._db.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        return True

    # -- the database --------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the body of a `with` as one commit; inside another one it is part of it."""
        with self._lock, translated(self.path):
            is_part = self._db.in_transaction
            if is_part:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # A full disk makes SQLite roll back by itself; a failed commit does not.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self.commits += 1

    @contextmanager
    def unflushed(self) -> Iterator[sqlite3.Connection]:
        """A commit that may be lost on power failure, for what can be derived again."""
        with self._lock, translated(self.path):
            self._db.execute("PRAGMA synchronous=NORMAL")
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._db.execute("PRAGMA synchronous=FULL")

    def read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._lock, translated(self.path):
            return self._db.execute(statement, values).fetchall()


def _living(db: sqlite3.Connection, execution_id: str) -> Lease | None:
    lease = leases.read(db, execution_id)
    return lease if lease is not None and lease.is_live else None
