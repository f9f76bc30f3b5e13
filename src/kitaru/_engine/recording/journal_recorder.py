"""Outcomes into the journal: durable in one commit, in ZenML a moment later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kitaru._core.calls.records import CallRecord
from kitaru._core.flows.signals import TakenOver
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import LeaseLost
from kitaru._engine.port.execution import StartedCall
from kitaru._engine.recording.projector import Projector
from kitaru._engine.runners import recoveries


@contextmanager
def taken_over() -> Iterator[None]:
    """Turn the loss of a lease into what ends the flow body."""
    try:
        yield
    except LeaseLost as error:
        raise TakenOver(str(error)) from None


class JournalRecorder:
    """For durable local disks: one journal commit, ZenML a moment later."""

    def __init__(
        self,
        execution_id: str,
        journal: Journal,
        projector: Projector,
        warn: Callable[[str], None],
        token: int | None,
        *,
        recovers: bool = False,
    ) -> None:
        # Whose bodies run, where that has to be known after a death.
        self._running: set[str] | None = set() if recovers else None
        self._noting = threading.Lock()
        self._execution_id = execution_id
        self._token = token
        self._journal = journal
        self._projector = projector
        self._warn = warn

    def started(self, call: StartedCall) -> None:
        """Show the call if it runs for long."""
        if self._running is not None:
            with self._noting:
                self._running.add(call.invocation_id)
                # What has finished since is known by its outcome.
                running = sorted(self._running)
                recoveries.note_started(self._journal, self._execution_id, running)
        if not call.foreign:
            self._projector.started(call)

    def commit(self, record: CallRecord) -> None:
        """Journal the outcome."""
        with taken_over():
            self._journal.put_call(record, self._token)
        if self._running is not None:
            with self._noting:
                self._running.discard(record.invocation_id)
        self._projector.add(record)

    def link(self, record: CallRecord) -> None:
        """Journal a reused outcome, later."""
        self._projector.link(record)

    def mark_caught(self, records: Sequence[CallRecord]) -> None:
        """Journal whether the flow went on."""
        with taken_over(), self._journal.held(self._execution_id, self._token):
            self._journal.mark_caught(self._execution_id, records)
        for record in records:
            self._projector.add(record)

    def cached(self, key: str) -> CallRecord | None:
        """Look into the journal."""
        return self._journal.cached(key)

    def note(self, values: Mapping[str, Any]) -> None:
        """Journal metadata of the execution."""
        with taken_over():
            self._journal.note(self._execution_id, values, self._token)
        self._projector.noted()

    def drain(self) -> None:
        """Wait for the projection; what fails stays in the journal for later."""
        failure = self._projector.drain()
        if failure is not None:
            self._warn(
                f"{failure}; all results are safe in the journal and will be shown in "
                "ZenML by the next kitaru command"
            )

    def check(self) -> None:
        with taken_over():
            self._journal.check_held(self._execution_id, self._token)

    def cancel_requested(self) -> bool:
        """Whether the projector has seen a request."""
        return self._projector.cancel_requested
