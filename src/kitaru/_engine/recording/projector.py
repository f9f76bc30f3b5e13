"""Shows journaled calls in ZenML, in the background, a moment after they are durable.

One thread per running execution. It also shows calls that run for long while they
run, keeps the lease alive, and watches for a request to cancel.

Showing calls takes about a millisecond of the interpreter for each, or 15 where only
ZenML may write to its store, and the flow would wait for it. So the thread gives way to
a flow that makes one call after the other, for a while, and then shows many together.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from kitaru._core.calls.records import CallRecord
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import HEARTBEAT, LeaseLost
from kitaru._engine.port.execution import StartedCall
from kitaru.errors import KitaruBackendError

logger = logging.getLogger(__name__)

SHOWN_AFTER = 0.25
# So many calls at most are written in one go; other writers of the store wait for it.
TOGETHER = 20
_TICK = 0.1
_WATCH_EVERY = 0.25
# A look at ZenML's store costs more than one at the journal.
_LOOK_EVERY = 2.0
_TRIES = 3
# A flow that made no call for so long is busy elsewhere.
_QUIET = 0.005
# What was done before this long is shown whatever the flow does.
_PATIENCE = 0.1
# Executions of this process that have ended and are still being shown.
_finishing: dict[str, threading.Thread] = {}


def is_finishing(execution_id: str) -> bool:
    """Whether a thread of this process still shows what an execution reused."""
    thread = _finishing.get(execution_id)
    return thread is not None and thread.is_alive()


class Writer(Protocol):
    """Writes the calls of one execution into ZenML's store.

    Each of its methods raises `KitaruBackendError` for what the store refuses.
    """

    def write_started(self, call: StartedCall) -> None:
        """Show a call as running."""
        ...

    def write_all(self, records: Sequence[CallRecord]) -> None:
        """Show the outcomes of calls, all or none."""
        ...

    def write(self, record: CallRecord) -> None:
        """Show the outcome of a call; doing it twice changes nothing."""
        ...

    def write_notes(self, notes: Mapping[str, Any]) -> None:
        """Show the metadata of the execution."""
        ...

    def stop_requested(self) -> bool:
        """Whether somebody has stopped the run in ZenML."""
        ...


class Projector:
    """Projects the calls of one execution."""

    def __init__(
        self,
        execution_id: str,
        journal: Journal,
        writer: Writer,
        token: int | None = None,
    ) -> None:
        self._execution_id = execution_id
        self._token = token
        self._journal = journal
        self._writer = writer
        self._changed = threading.Condition()
        self._linked: deque[CallRecord] = deque()
        self._later: deque[CallRecord] = deque()
        self._queue: deque[CallRecord] = deque()
        self._running: dict[str, StartedCall] = {}
        self._busy = False
        self._stopping = False
        self._noted = False
        self._watched_at = 0.0
        self._looked_at = time.monotonic()
        self._active_at = 0.0
        # Set while somebody waits for the projection.
        self._awaited = threading.Event()
        self._heartbeat_at = time.monotonic()
        self.cancel_requested = False
        self._failure: KitaruBackendError | None = None
        # Set once no server answers; errors of its HTTP client are OSErrors.
        self._unreachable = False
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=lambda: context.run(self._loop), name="kitaru-projector"
        )

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def started(self, call: StartedCall) -> None:
        """Note that a body has begun."""
        with self._changed:
            self._active_at = time.monotonic()
            self._running[call.invocation_id] = call

    def add(self, record: CallRecord) -> None:
        """Project an outcome soon; it is in the journal."""
        with self._changed:
            self._active_at = time.monotonic()
            self._running.pop(record.invocation_id, None)
            self._queue.append(record)
            self._changed.notify_all()

    def link(self, record: CallRecord) -> None:
        """Write a reused outcome to the journal, and project it when there is time.

        Results of a replay are there long before ZenML shows all that was reused; the
        process ends when it does.
        """
        with self._changed:
            self._linked.append(record)
            self._changed.notify_all()

    def noted(self) -> None:
        """Project the metadata of the execution at the next drain."""
        self._noted = True

    def drain(self) -> KitaruBackendError | None:
        """Return when everything is projected, with what kept it from that."""
        self._awaited.set()
        with self._changed:
            while self._queue or self._linked or self._busy:
                self._changed.wait(_TICK)
                if not self._thread.is_alive():
                    break
        self._awaited.clear()
        if self._noted:
            self._noted = False
            self._write_notes()
        failure, self._failure = self._failure, None
        return failure

    def _write_notes(self) -> None:
        try:
            self._writer.write_notes(self._journal.notes(self._execution_id))
        except KitaruBackendError as error:
            self._failure = error

    def stop(self) -> None:
        """End the thread after what is queued; reused outcomes may take it longer."""
        self._awaited.set()
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            rest = bool(self._linked or self._later)
            if rest:
                _finishing[self._execution_id] = self._thread
        if not rest:
            self._thread.join()

    def _loop(self) -> None:
        while True:
            with self._changed:
                if not (self._queue or self._linked or self._later or self._stopping):
                    self._changed.wait(_TICK)
                if self._stopping and not (self._queue or self._linked or self._later):
                    _finishing.pop(self._execution_id, None)
                    return
                linked, batch = list(self._linked), list(self._queue)
                self._linked.clear()
                self._queue.clear()
                self._busy = bool(linked or batch)
            try:
                if linked:
                    self._journal.put_calls(linked, self._token)
                    self._later.extend(linked)
                self._project(self._due(batch))
                self._show_long_ones()
                self._watch()
            except LeaseLost as error:
                # The flow body ends at its next call; who took over shows the rest.
                logger.debug("%s", error)
            except KitaruBackendError as error:
                # What is in the journal stays marked as not projected.
                logger.debug("%s: %s", self._execution_id, error, exc_info=True)
                self._failure = error
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _due(self, batch: list[CallRecord]) -> list[CallRecord]:
        """Return what to show next: what was reused comes when there is nothing else.

        Unless it is needed: ZenML ties a call only to parents that it has.
        """
        if not batch:
            count = min(TOGETHER, len(self._later))
            return [self._later.popleft() for _ in range(count)]
        later = {record.invocation_id for record in self._later}
        if any(not later.isdisjoint(record.parents) for record in batch):
            batch = [*self._later, *batch]
            self._later.clear()
        return batch

    def _project(self, batch: list[CallRecord]) -> None:
        for begin in range(0, len(batch), TOGETHER):
            if self._unreachable:
                # The rest stays in the journal; each try would take half a minute.
                return
            self._give_way()
            part = batch[begin : begin + TOGETHER]
            self._journal.mark_projecting(
                self._execution_id, [record.invocation_id for record in part]
            )
            done = self._write(part)
            if done:
                self._journal.mark_projected(self._execution_id, done)
            # A long batch must not keep a cancelled flow running.
            self._watch()

    def _give_way(self) -> None:
        """Let a flow that is between two calls have the interpreter, for a while."""
        begun = time.monotonic()
        while not self._awaited.is_set():
            now = time.monotonic()
            # Before `begun` the flow may have been quiet because of us.
            quiet_at = max(self._active_at, begun) + _QUIET
            left = min(quiet_at, begun + _PATIENCE) - now
            if left <= 0:
                return
            self._awaited.wait(left)

    def _write(self, part: list[CallRecord]) -> list[str]:
        """Show some calls; return which are shown now."""
        if len(part) > 1:
            try:
                self._writer.write_all(part)
            except KitaruBackendError as error:
                # One by one, so that one that cannot be shown keeps back no other.
                self._not_shown(error)
            else:
                return [record.invocation_id for record in part]
        return [
            record.invocation_id
            for record in part
            if not self._unreachable and self._write_one(record)
        ]

    def _write_one(self, record: CallRecord) -> bool:
        for left in reversed(range(_TRIES)):
            try:
                self._writer.write(record)
            except KitaruBackendError as error:
                self._not_shown(error)
                # The result is safe in the journal; the next command tries again.
                if not left or self._unreachable:
                    self._failure = error
                    return False
            else:
                return True
        return False

    def _not_shown(self, error: KitaruBackendError) -> None:
        logger.debug("%s: %s", self._execution_id, error, exc_info=True)
        if isinstance(error.__cause__, OSError):
            self._unreachable = True
            self._failure = error

    def _show_long_ones(self) -> None:
        now = time.time()
        with self._changed:
            long = [
                call
                for call in self._running.values()
                if now - call.started_at.timestamp() > SHOWN_AFTER
            ]
            for call in long:
                del self._running[call.invocation_id]
        for call in long:
            try:
                self._writer.write_started(call)
            except KitaruBackendError as error:
                # Display only: its outcome will be shown when there is one.
                logger.debug("%s: %s", self._execution_id, error, exc_info=True)

    def _stopped_in_zenml(self) -> bool:
        if self._unreachable or time.monotonic() - self._looked_at < _LOOK_EVERY:
            return False
        self._looked_at = time.monotonic()
        try:
            return self._writer.stop_requested()
        except KitaruBackendError as error:
            # Locked for a moment, or deleted: that is no request.
            logger.debug("%s: %s", self._execution_id, error, exc_info=True)
            return False

    def _watch(self) -> None:
        if time.monotonic() - self._watched_at < _WATCH_EVERY:
            return
        self._watched_at = time.monotonic()
        if not self.cancel_requested:
            self.cancel_requested = (
                self._journal.cancel_requested(self._execution_id)
                or self._stopped_in_zenml()
            )
        if time.monotonic() - self._heartbeat_at > HEARTBEAT:
            self._heartbeat_at = time.monotonic()
            self._journal.heartbeat(self._execution_id, self._token)
