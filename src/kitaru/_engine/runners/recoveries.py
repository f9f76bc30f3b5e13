"""Executions that go on by themselves after their process died, in the journal.

A row among what is due says how often the process died and when the execution goes on.
Whoever looks then lets it, as a retry would: of several one does. The row stays due until
the next attempt has begun, so a death on the way there loses nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from kitaru._core.upkeep import deaths
from kitaru._core.upkeep.deaths import Death, Deaths
from kitaru._core.words.wording import moment
from kitaru._engine.journal import due, leases, sealing
from kitaru._engine.journal.answers import NEVER
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import RECOVERY, recovery_id
from kitaru._engine.runners.queue import Queue
from kitaru.errors import KitaruBackendError, KitaruError, KitaruStateError
from kitaru.models import Continuation, Recovery

logger = logging.getLogger(__name__)

STARTED = "started"
# What a person has to let go on; once that was done it is as if nothing had stopped.
_STOPPED = NEVER - 1


def died(
    journal: Journal, execution_id: str, shown: Sequence[str], mode: str | None
) -> tuple[Sequence[str], str]:
    """Note that the process of an execution died.

    Returns the calls whose bodies ran, and what becomes of it, for people; that is
    nothing where it is up to them.

    Args:
        journal: The journal, in a transaction of the caller.
        execution_id: The execution.
        shown: Invocation ids of the calls that were shown as running.
        mode: Whether it goes on by itself.
    """
    if mode != deaths.AUTO:
        return shown, ""
    calls = journal.calls(execution_id)
    running = {*shown, *_started(journal, execution_id)}
    running -= {call.invocation_id for call in calls}
    death = Death(
        at=due.now(),
        running=running,
        finished=len(calls),
        is_to_stop=journal.cancel_requested(execution_id),
    )
    return sorted(running), _told(_note(journal, execution_id, death), death)


def _told(after: Deaths, death: Death) -> str:
    """Return what becomes of an execution, for people."""
    if after.goes_on_at is None:
        return f"it does not go on by itself any more: {after.stopped}"
    if after.goes_on_at > death.at:
        return f"it goes on by itself at {moment(after.goes_on_at)}"
    return "it goes on by itself"


def recover(
    journal: Journal, execution_id: str, go_on: Callable[[], Continuation]
) -> Continuation | None:
    """Let an execution go on whose time has come; return how, `None` if it does not.

    Args:
        journal: The journal.
        execution_id: The execution.
        go_on: Lets it go on that has failed.
    """
    try:
        return go_on()
    except KitaruStateError as error:
        # Somebody was faster.
        logger.debug("%s does not go on: %s", execution_id, error)
    except KitaruError as error:
        not_started(journal, execution_id, error)
    return None


def not_started(journal: Journal, execution_id: str, error: KitaruError) -> None:
    """Note that no process could be started: it is tried again as after a death."""
    with journal.transaction():
        finished = len(journal.calls(execution_id))
        death = Death(at=due.now(), finished=finished, problem=str(error))
        _note(journal, execution_id, death)


def cannot(journal: Journal, execution_id: str, why: str) -> None:
    """Note that an execution cannot go on by itself at all."""
    with journal.transaction():
        known = _known(journal, execution_id) or Deaths()
        _put(journal, execution_id, replace(known, goes_on_at=None, stopped=why))


def over(journal: Journal, execution_id: str) -> None:
    """Note that an execution has ended meanwhile."""
    with journal.transaction() as db:
        leases.recovered(db, execution_id)


def that_are_due(journal: Journal, queue: Queue) -> list[str]:
    """Return the executions that are to go on by now, and that nobody runs."""
    found = due.until(journal, due.now(), kind=RECOVERY)
    return [one.execution_id for one in found if not _is_run(journal, queue, one)]


def failed_to_start(journal: Journal, execution_id: str, error: KitaruError) -> None:
    """Note that the process of an execution that was to go on by itself cannot run it."""
    if is_due(journal, execution_id):
        not_started(journal, execution_id, error)


def goes_on(journal: Journal, execution_id: str) -> bool:
    """Whether an execution goes on by itself, now or later."""
    return bool(
        journal.read(
            "SELECT 1 FROM due WHERE due_id = ? AND at < ?",
            (recovery_id(execution_id), _STOPPED),
        )
    )


def is_due(journal: Journal, execution_id: str) -> bool:
    """Whether an execution is to go on by now."""
    return bool(
        journal.read(
            "SELECT 1 FROM due WHERE due_id = ? AND at <= ?",
            (recovery_id(execution_id), due.now().timestamp()),
        )
    )


class JournalRecoveries:
    """What became of executions of this machine whose process died."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def of(self, execution_id: str) -> Recovery | None:
        """Return that of one execution, `None` if no process of it died."""
        rows = self._journal.read(
            f"SELECT body, at, {sealing.intact('due')} FROM due WHERE due_id = ?",
            (recovery_id(execution_id),),
        )
        if not rows or not rows[0][2]:
            return None
        known = Deaths.from_dict(json.loads(rows[0][0]))
        return known.described(is_over=rows[0][1] == NEVER)


def note_started(journal: Journal, execution_id: str, running: list[str]) -> None:
    """Note whose bodies run, for the case that they take the process along.

    Without a flush: what a dead process has written is there.
    """
    row = (_started_id(execution_id), execution_id, STARTED, NEVER, json.dumps(running))
    try:
        with journal.unflushed() as db:
            db.execute(
                "INSERT INTO due (due_id, execution_id, kind, at, body) "
                "VALUES (?,?,?,?,?) "
                "ON CONFLICT (due_id) DO UPDATE SET body = excluded.body",
                row,
            )
    except KitaruBackendError as error:
        # A death in one of them counts as a death all the same.
        logger.debug("%s: %s", execution_id, error, exc_info=True)


def _note(journal: Journal, execution_id: str, death: Death) -> Deaths:
    after = deaths.after(_known(journal, execution_id) or Deaths(), death)
    _put(journal, execution_id, after)
    return after


def _put(journal: Journal, execution_id: str, known: Deaths) -> None:
    at = known.goes_on_at.timestamp() if known.goes_on_at else _STOPPED
    with journal.transaction() as db:
        db.execute(
            "INSERT INTO due (due_id, execution_id, kind, at, body) VALUES (?,?,?,?,?) "
            "ON CONFLICT (due_id) DO UPDATE SET at = excluded.at, body = excluded.body",
            (
                recovery_id(execution_id),
                execution_id,
                RECOVERY,
                at,
                json.dumps(known.to_dict()),
            ),
        )


def _known(journal: Journal, execution_id: str) -> Deaths | None:
    rows = journal.read(
        f"SELECT body FROM due WHERE due_id = ? AND {sealing.intact('due')}",
        (recovery_id(execution_id),),
    )
    return Deaths.from_dict(json.loads(rows[0][0])) if rows else None


def _started(journal: Journal, execution_id: str) -> list[str]:
    rows = journal.read(
        f"SELECT body FROM due WHERE due_id = ? AND {sealing.intact('due')}",
        (_started_id(execution_id),),
    )
    found: list[str] = json.loads(rows[0][0]) if rows else []
    return found


def _started_id(execution_id: str) -> str:
    return f"{STARTED}:{execution_id}"


def _is_run(journal: Journal, queue: Queue, one: due.Due) -> bool:
    try:
        lease = journal.lease(one.execution_id)
    except KitaruBackendError:
        # Whoever asks for this one is told that it is damaged; the others go on.
        return True
    return queue.holds(one.execution_id) or (lease is not None and lease.is_live)
