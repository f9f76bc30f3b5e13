"""Stop an execution of this machine: a waiting one at once, a running one at a checkpoint.

What nobody runs is marked under its lease; a runner is asked, and ended if it does not
leave. Whoever runs it may leave or hand it on, and it may ask a question, at any moment.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Protocol

from kitaru._core.calls.statuses import check_cancel
from kitaru._core.flows import scope
from kitaru._engine.journal import due
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder, Lease
from kitaru.errors import KitaruContextError, KitaruStateError
from kitaru.models import ExecutionStatus

_LOOK_AGAIN = 0.1
# Seconds that a runner has after each signal.
_TERMINATED = 2.0


class Cancellable(Protocol):
    """What an engine does for it."""

    def stopped_elsewhere(self, execution_id: str) -> bool:
        """Give up an open wait, or stop what does not run here; false if neither is so."""
        ...

    def has_open_wait(self, execution_id: str) -> bool:
        """Whether it waits for an answer."""
        ...

    def stored_status(self, execution_id: str) -> ExecutionStatus:
        """Return the status as it is noted."""
        ...

    def mark_cancelled(self, execution_id: str) -> None:
        """Note that it is cancelled; its lease is ours."""
        ...


def cancel(
    engine: Cancellable, journal: Journal, execution_id: str, *, grace: float
) -> None:
    """Stop an execution.

    Args:
        engine: Whose it is.
        journal: The journal.
        execution_id: The execution.
        grace: Seconds after which its process is ended.

    Raises:
        KitaruContextError: If it is to cancel itself.
        KitaruStateError: If it has ended otherwise, or cannot be stopped from here.
    """
    running = scope.current()
    if running is not None and running.runtime.execution_id == execution_id:
        raise KitaruContextError(
            f"execution {execution_id} cannot cancel itself; leave the flow body "
            "instead, or cancel it from outside"
        )
    deadline = time.monotonic() + grace
    asked = False
    while not engine.stopped_elsewhere(execution_id):
        if _cancelled_unrun(engine, journal, execution_id, asked=asked):
            return
        lease = journal.lease(execution_id)
        if lease is None or not lease.is_live:
            continue
        asked = True
        journal.request_cancel(execution_id)
        if not _left(journal, lease, deadline - time.monotonic()):
            _terminate(journal, lease)


def _cancelled_unrun(
    engine: Cancellable, journal: Journal, execution_id: str, *, asked: bool
) -> bool:
    """Cancel an execution that nobody runs; return whether it is cancelled.

    Raises:
        KitaruStateError: If it has ended, otherwise than by our asking for it.
    """
    try:
        journal.acquire(execution_id, Holder.me(), own=False, queued=True)
    except KitaruStateError:
        return False
    try:
        status = engine.stored_status(execution_id)
        if asked and status is ExecutionStatus.CANCELLED:
            return True
        check_cancel(execution_id, status)
        if engine.has_open_wait(execution_id):
            # It has asked and left just now.
            return False
        engine.mark_cancelled(execution_id)
        due.taken(journal, execution_id)
        return True
    finally:
        journal.release(execution_id, Holder.me())


def _left(journal: Journal, lease: Lease, seconds: float) -> bool:
    """Whether a runner gives an execution up within some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        now = journal.lease(lease.execution_id)
        if now is None or now.holder != lease.holder or not now.is_live:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_AGAIN)


def _terminate(journal: Journal, lease: Lease) -> None:
    """End the process of a runner.

    Raises:
        KitaruStateError: If that cannot be done from here.
    """
    late = (
        f"execution {lease.execution_id} is run by {lease.holder}, which did not stop; it "
        "will at its next checkpoint"
    )
    if lease.holder == Holder.me() or not lease.holder.is_here:
        raise KitaruStateError(late)
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(lease.holder.pid, number)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise KitaruStateError(f"{late} (it is another user's)") from error
        if _left(journal, lease, _TERMINATED):
            return
    raise KitaruStateError(late)
