"""Answer waits and let executions go on, by journal and the store's file.

Whoever asks needs no ZenML for it, and neither does the process that goes on.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

from kitaru._core.flows.facts import ExecutionFacts, LocalFacts
from kitaru._core.waits import answered
from kitaru._core.waits.answered import Answer
from kitaru._engine import flow_loading
from kitaru._engine.code import unpacked
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder, Lease
from kitaru._engine.local import reading, starting
from kitaru._engine.local.rows import runs, waits
from kitaru._engine.local.rows.store_rows import StoreRows
from kitaru._engine.local.store.ground import Ground, no_way_back
from kitaru._engine.port.execution import Ending
from kitaru._engine.runners.queue import Queue
from kitaru._engine.settings import person
from kitaru.errors import KitaruBackendError, KitaruError
from kitaru.models import Continuation, ExecutionStatus, PendingWait

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Steering:
    """Steers executions of a local store.

    Attributes:
        continue_here: Lets an execution go on that only this process can run.
    """

    ground: Ground
    journal: Journal
    queue: Queue
    continue_here: Callable[[str, ExecutionStatus], Ending]

    def answer(self, wait: PendingWait, value: object, *, surface: str) -> Continuation:
        """Store a checked answer and let the execution go on.

        Raises:
            KitaruStateError: If it is not the first answer; it changes nothing.
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        assert wait.exec_id is not None  # waits of an engine know their execution
        answer = answered.given(value, by=person.here(), surface=surface)
        lease = self.decide(wait, answer)
        if lease is not None:
            return Continuation(how="runner", pid=lease.holder.pid)
        try:
            with no_way_back():
                return self.continue_execution(
                    wait.exec_id, seen=ExecutionStatus.WAITING
                )
        except KitaruError as error:
            # An error would ask for a second answer. Whoever looks next lets it go on.
            return Continuation(how=f"the answer is stored, but {error}")

    def continue_execution(
        self, execution_id: str, *, seen: ExecutionStatus, queued: bool = False
    ) -> Continuation:
        """Let a failed or answered execution go on in a process of its own.

        Args:
            execution_id: The execution.
            seen: The status in which somebody wants that.
            queued: Whether it may queue already, for a pool in which no process lives.

        Raises:
            KitaruStateError: If it is not any more as it was seen.
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        facts, started = self._facts(execution_id)
        source = started.source
        flow_loading.refuse_unloadable(source)
        if not source.is_loadable:
            # By nobody but this process, perhaps.
            flow_loading.find(source)
            self.continue_here(execution_id, seen)
            return Continuation(how="here", pid=os.getpid())
        unpacked.ensure(started.deployed)
        return self._go_on(execution_id, facts, seen, queued=queued)

    def decide(self, wait: PendingWait, answer: Answer) -> Lease | None:
        """Make an answer the one that stands; return the lease of a living runner.

        Raises:
            KitaruStateError: If it is not the first answer; it changes nothing.
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        assert wait.exec_id is not None
        self._facts(wait.exec_id)
        lease = self.journal.decide(wait.wait_id, wait.exec_id, answer.to_dict())
        self._follow(wait, answer)
        return lease

    def _follow(self, wait: PendingWait, answer: Answer) -> None:
        """Show in ZenML which answer stands."""
        assert wait.exec_id is not None
        store = StoreRows(self.ground)
        try:
            waits.follow(store, wait.exec_id, wait.wait_id, answer)
        except KitaruBackendError as error:
            # It stands; whoever looks next shows it there.
            logger.debug("wait %s stays open in ZenML: %s", wait.wait_id, error)
        finally:
            store.close()

    def _facts(self, execution_id: str) -> tuple[LocalFacts, ExecutionFacts]:
        """Return what is known of an execution that this machine can run."""
        with reading.looking(self.ground, self.journal, self.queue) as reader:
            _, facts = reader.facts_to_run(execution_id)
            return reader.noted(execution_id), facts

    def _go_on(
        self,
        execution_id: str,
        facts: LocalFacts,
        seen: ExecutionStatus,
        *,
        queued: bool,
    ) -> Continuation:
        store = StoreRows(self.ground)
        try:
            # If it is not as it was seen, whoever ran it last is known as before.
            with self.journal.transaction():
                self.journal.acquire(
                    execution_id, Holder.me(), own=False, queued=queued
                )
                runs.mark_resuming(store, execution_id, seen=seen)
        finally:
            store.close()
        return starting.start(
            self.ground, self.journal, self.queue, execution_id, facts
        )
