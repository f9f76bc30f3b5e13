"""Put right what a dead runner left behind, whenever a command meets it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from kitaru._core.calls import described, names
from kitaru._core.flows.facts import ExecutionFacts, LocalFacts
from kitaru._core.waits.condition_names import terms_in
from kitaru._engine import flow_loading
from kitaru._engine.journal import due, notices
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import NOBODY, Holder, Lease
from kitaru._engine.local import conditions, reading
from kitaru._engine.local.rows import runs, step_logs
from kitaru._engine.local.rows.calls import CallRows
from kitaru._engine.local.rows.store_rows import StoreRows
from kitaru._engine.local.steering import Steering
from kitaru._engine.local.store import ground as grounds
from kitaru._engine.local.store.file import FOLDER, Condition, Run
from kitaru._engine.local.store.ground import Ground
from kitaru._engine.output import log_folders
from kitaru._engine.recording import attempts
from kitaru._engine.recording.projector import is_finishing
from kitaru._engine.runners import recoveries, sweeping
from kitaru._engine.runners.queue import Queue
from kitaru._engine.values.value_files import FileValues
from kitaru.errors import KitaruError, KitaruStateError
from kitaru.models import Continuation, ExecutionStatus, FailureOrigin, Trouble

logger = logging.getLogger(__name__)

# What a run is called while its first runner is at work.
_STARTED = ("initializing", "provisioning", "running")
_TO_GO_ON = "resuming"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """An execution as it was found.

    Attributes:
        is_due: Its waits whose time is over, without an answer.
        lease: Who runs it, or ran it last; `NOBODY` if nobody was started.
        is_run: Whether somebody runs it, or it queues for a process that will.
        trouble: Why it does not get on by itself; `None` if it does.
    """

    run: Run
    stack: str | None
    facts: ExecutionFacts
    noted: LocalFacts
    is_due: Sequence[Condition]
    lease: Lease | None
    is_run: bool
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Recovery:
    """Puts executions right that ran on local stacks of this machine."""

    steering: Steering

    @property
    def ground(self) -> Ground:
        """The store."""
        return self.steering.ground

    @property
    def journal(self) -> Journal:
        """The journal."""
        return self.steering.journal

    @property
    def queue(self) -> Queue:
        """What queues for a process."""
        return self.steering.queue

    def put_right(self, execution_id: str) -> None:
        """Continue, fail or complete an execution that does not get on by itself.

        What cannot be done now is left to the next command.

        Raises:
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        found = self.look(execution_id)
        try:
            if execution_id in self.queue.stranded():
                self._go_on(execution_id, found.run.status, queued=True)
            else:
                self.mend(found)
        except KitaruError as error:
            # Another command was faster, or only the flow's own process can.
            logger.debug("execution %s stays as it is: %s", execution_id, error)

    def look(self, execution_id: str) -> Forgotten:
        """Return what an execution is like, and why it does not get on, if it does not.

        Raises:
            OnlyZenMLKnows: If ZenML has to look.
        """
        with reading.looking(
            self.ground, self.journal, self.queue, seen_to={execution_id}
        ) as reader:
            run = reader.run(execution_id)
            stack, facts = reader.facts_to_run(execution_id)
            noted = reader.noted(execution_id)
            is_due = reader.due_waits(execution_id)
            has_open_wait = len(reader.pending_waits(execution_id)) > len(is_due)
        if due.has_untaken(self.journal, execution_id):
            has_open_wait = False
        lease = self._lease(run, facts.runner)
        is_run = self.queue.holds(execution_id) or (lease is not None and lease.is_live)
        trouble = None
        if is_run or run.status.is_finished:
            pass
        elif run.status is ExecutionStatus.WAITING and (is_due or not has_open_wait):
            trouble = Trouble.ANSWERED
        elif run.status is ExecutionStatus.RUNNING and lease is not None:
            trouble = Trouble.RUNNER_DIED
        return Forgotten(run, stack, facts, noted, is_due, lease, is_run, trouble)

    def mend(self, found: Forgotten) -> str | None:
        """Do what helps; return how, `None` if nothing had to be done.

        Raises:
            KitaruError: If it cannot be done now.
        """
        run = found.run
        if found.is_run:
            return None
        store = StoreRows(grounds.read(stack=found.stack))
        try:
            done = self._settle(found, store)
        finally:
            store.close()
        if recoveries.is_due(self.journal, run.execution_id):
            how = self._recover(found)
            return ": ".join(filter(None, [done, how])) or None
        if found.trouble is not Trouble.ANSWERED or found.noted.result is not None:
            return done
        if found.is_due and not self._expire(run, found.is_due):
            return done
        flow_loading.refuse_unloadable(found.facts.source)
        continuation = self._go_on(run.execution_id, run.status)
        return sweeping.told(continuation, run.stack) if continuation else None

    def _recover(self, found: Forgotten) -> str | None:
        """Let an execution go on by itself whose runner died; return how, if it does."""
        execution_id = found.run.execution_id
        if found.run.status in (ExecutionStatus.COMPLETED, ExecutionStatus.CANCELLED):
            recoveries.over(self.journal, execution_id)
            return None
        if not found.facts.source.is_loadable:
            why = "no other process can load its flow"
            recoveries.cannot(self.journal, execution_id, why)
            return None
        continuation = recoveries.recover(
            self.journal,
            execution_id,
            lambda: self.steering.continue_execution(
                execution_id, seen=ExecutionStatus.FAILED
            ),
        )
        return sweeping.told(continuation, found.run.stack) if continuation else None

    def _expire(self, run: Run, is_due: Sequence[Condition]) -> bool:
        """Let waits be over whose time is; return whether one was, and not answered."""
        if run.status is not ExecutionStatus.WAITING:
            return False
        expired = False
        for condition in is_due:
            outcome = terms_in(condition.metadata).outcome()
            # Whoever answers at this moment lets it go on.
            with suppress(KitaruStateError):
                self.steering.decide(conditions.pending_wait(condition), outcome)
                expired = True
        return expired

    def _settle(self, found: Forgotten, store: StoreRows) -> str | None:
        """Show what the journal knows more than ZenML; return what was put right."""
        run, noted, lease = found.run, found.noted, found.lease
        folder = store.ground.artifact_root / FOLDER / run.execution_id
        rows = CallRows(
            store, run.execution_id, run.flow or "unknown", FileValues(folder)
        )
        self._show_leftovers(run.execution_id, rows)
        if not run.status.is_finished:
            log = log_folders.path_of(run.execution_id)
            step_logs.show(store, run.execution_id, log, folder)
        if noted.result is not None and run.word != "completed":
            artifact_id = names.artifact_id(
                run.execution_id, described.FLOW, described.RESULT
            )
            version = rows.register_result(noted.result, artifact_id)
            runs.end(store, run.execution_id, "completed", result=version)
            return sweeping.HAD_COMPLETED
        if run.status is ExecutionStatus.RUNNING and lease is not None:
            return self._fail(run, store, rows, lease, found.facts)
        return None

    def _show_leftovers(self, execution_id: str, rows: CallRows) -> None:
        if is_finishing(execution_id):
            return
        left = self.journal.calls(execution_id, unprojected=True)
        if not left:
            return
        shown = [record.invocation_id for record in left]
        self.journal.mark_projecting(execution_id, shown)
        rows.write_all(left)
        self.journal.mark_projected(execution_id, shown)

    def _fail(
        self,
        run: Run,
        store: StoreRows,
        rows: CallRows,
        lease: Lease,
        facts: ExecutionFacts,
    ) -> str | None:
        """Mark an execution failed whose runner is dead; return why, for people."""
        execution_id = run.execution_id
        # Nobody becomes its runner meanwhile.
        with self.journal.transaction():
            # It may have gone on, or ended, since it was read.
            now = self.journal.lease(execution_id)
            if (now is not None and now != lease) or self.queue.holds(execution_id):
                return None
            with reading.looking(self.ground, self.journal, self.queue) as reader:
                again = reader.run(execution_id)
            if again.status is not ExecutionStatus.RUNNING:
                return None
            if lease.holder == NOBODY and again.word != _TO_GO_ON:
                return None
            died_in, becomes = recoveries.died(
                self.journal,
                execution_id,
                rows.end_running("the runner died"),
                facts.settings.recover,
            )
            failure = attempts.died(lease, died_in, becomes)
            self.journal.update_execution(execution_id, failure=failure)
            if not recoveries.goes_on(self.journal, execution_id):
                flow, target = run.flow or "unknown", facts.settings.notify
                notices.ended(self.journal, execution_id, flow, target, failure)
            # If it only slept, it finds that when it goes on.
            self.journal.take_away(lease)
            runs.fail(store, execution_id, FailureOrigin.RUNTIME, failure.message)
        return failure.message

    def _go_on(
        self, execution_id: str, seen: ExecutionStatus, *, queued: bool = False
    ) -> Continuation | None:
        try:
            return self.steering.continue_execution(
                execution_id, seen=seen, queued=queued
            )
        except KitaruStateError as error:
            # It has ended, or somebody runs it.
            logger.debug("%s does not go on: %s", execution_id, error)
            if queued:
                self.queue.withdraw(execution_id)
            return None

    def _lease(self, run: Run, runner: object) -> Lease | None:
        """Return the lease, or the runner noted with the run if it never took one."""
        lease = self.journal.lease(run.execution_id)
        if lease is None and run.word == _TO_GO_ON:
            # Whoever is to let it go on holds it until somebody runs it.
            return Lease(run.execution_id, NOBODY, 0.0)
        if lease is not None or run.word not in _STARTED:
            return lease
        if not isinstance(runner, dict):
            return None
        holder = Holder(**runner)
        # Of another host, and without a heartbeat to go by, nothing is known.
        return Lease(run.execution_id, holder, 0.0) if holder.is_here else None
