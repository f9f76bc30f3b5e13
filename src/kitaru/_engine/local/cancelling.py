"""Stop an execution: a waiting one at once, a running one at its next checkpoint."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

from kitaru._core.waits import answered
from kitaru._engine.journal.leases import Holder, Lease
from kitaru._engine.local import reading
from kitaru._engine.local.rows import runs
from kitaru._engine.local.rows.store_rows import StoreRows
from kitaru._engine.local.steering import Steering
from kitaru._engine.output.reporter import LogReporter
from kitaru._engine.recording import attempts
from kitaru._engine.settings import person
from kitaru.errors import KitaruContextError, KitaruStateError
from kitaru.models import ExecutionStatus, PendingWait

_LOOK_AGAIN = 0.1
# Seconds that a runner has after each signal.
_TERMINATED = 2.0


@dataclass(frozen=True, slots=True)
class Cancelling:
    """Stops executions of a local store."""

    steering: Steering

    def abort(self, wait: PendingWait, *, surface: str) -> None:
        """Give up a wait; its execution is cancelled.

        Raises:
            KitaruStateError: If it has an answer.
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        assert wait.exec_id is not None  # waits of an engine know their execution
        answer = answered.given_up(by=person.here(), surface=surface)
        lease = self.steering.decide(wait, answer)
        for other in self._open_waits(wait.exec_id):
            # Nobody goes on with them; whoever answered one meanwhile has done so.
            with suppress(KitaruStateError):
                self.steering.decide(other, answer)
        if lease is None:
            # No runner says so in the log.
            LogReporter(attempts.log_of(wait.exec_id)).answered(wait.name, answer)

    def cancel(self, execution_id: str, *, grace: float, surface: str) -> None:
        """Stop an execution: by force after `grace` seconds.

        Raises:
            KitaruContextError: If it runs in this process.
            KitaruStateError: If it has ended otherwise, or cannot be stopped from here.
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        journal, queue = self.steering.journal, self.steering.queue
        waits = self._open_waits(execution_id)
        if waits:
            self.abort(waits[0], surface=surface)
            return
        queue.withdraw(execution_id)
        lease = journal.lease(execution_id)
        if lease is None or not lease.is_live:
            self._mark_cancelled(execution_id)
            return
        if lease.holder == Holder.me():
            raise KitaruContextError(
                f"execution {execution_id} runs in this very process; leave the flow "
                "body instead, or cancel it from another process"
            )
        journal.request_cancel(execution_id)
        if not self._left(execution_id, lease, grace):
            self._terminate(execution_id, lease)
        status = self._status(execution_id)
        left = journal.lease(execution_id)
        if status is ExecutionStatus.RUNNING and not (left and left.is_live):
            # It died before it saw the request.
            self._mark_cancelled(execution_id)
        elif status is not ExecutionStatus.CANCELLED:
            raise KitaruStateError(
                f"execution {execution_id} could not be cancelled: it is {status.value}"
            )

    def _open_waits(self, execution_id: str) -> list[PendingWait]:
        ground, journal = self.steering.ground, self.steering.journal
        with reading.looking(ground, journal, self.steering.queue) as reader:
            # Raises for what does not run on this machine.
            reader.facts_to_run(execution_id)
            return reader.pending_waits(execution_id)

    def _status(self, execution_id: str) -> ExecutionStatus:
        ground, journal = self.steering.ground, self.steering.journal
        with reading.looking(ground, journal, self.steering.queue) as reader:
            return reader.stored_status(execution_id)

    def _left(self, execution_id: str, lease: Lease, seconds: float) -> bool:
        """Whether the runner gives the execution up within some seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            now = self.steering.journal.lease(execution_id)
            if now is None or now.holder != lease.holder or not now.is_live:
                return True
            time.sleep(_LOOK_AGAIN)
        return False

    def _terminate(self, execution_id: str, lease: Lease) -> None:
        if not lease.holder.is_here:
            raise KitaruStateError(
                f"execution {execution_id} is run by {lease.holder}, which did not stop; "
                "it will at its next checkpoint"
            )
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(lease.holder.pid, number)
            except ProcessLookupError:
                break
            except PermissionError as error:
                raise KitaruStateError(
                    f"execution {execution_id} is run by {lease.holder} of another user, "
                    "which did not stop; it will at its next checkpoint"
                ) from error
            if self._left(execution_id, lease, _TERMINATED):
                break
        self._mark_cancelled(execution_id)

    def _mark_cancelled(self, execution_id: str) -> None:
        """Mark an execution that nobody runs; whoever wants to go on comes too late.

        Raises:
            KitaruStateError: If somebody goes on with it by now.
        """
        journal = self.steering.journal
        journal.acquire(execution_id, Holder.me(), own=False)
        store = StoreRows(self.steering.ground)
        try:
            if not self._status(execution_id).is_finished:
                runs.end(store, execution_id, "stopped", "Cancelled.")
        finally:
            store.close()
            journal.release(execution_id, Holder.me(), None)
