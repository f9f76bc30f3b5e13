"""Put right what a dead runner left behind, whenever a command meets it."""

from __future__ import annotations

import logging
from typing import Protocol

from zenml.enums import ExecutionStatus as RunStatus
from zenml.models import PipelineRunResponse

from kitaru._core.calls import failures
from kitaru._core.calls.records import CallRecord
from kitaru._core.calls.statuses import check_unchanged
from kitaru._core.flows import run_statuses
from kitaru._engine.flow_loading import refuse_unloadable
from kitaru._engine.journal import due, notices
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import NOBODY, Holder, Lease
from kitaru._engine.recording import attempts
from kitaru._engine.recording.projector import is_finishing
from kitaru._engine.runners import recoveries, sweeping
from kitaru._engine.runners.queue import Queue
from kitaru._engine.zenml.cleaning import plan
from kitaru._engine.zenml.connection import active
from kitaru._engine.zenml.inspection import failures as noted_failures
from kitaru._engine.zenml.pods import platform_jobs, remote_runs
from kitaru._engine.zenml.pods.platform_jobs import Look
from kitaru._engine.zenml.recording import (
    artifact_versions,
    local_rows,
    step_runs,
    step_writer,
)
from kitaru._engine.zenml.runs import runs, statuses
from kitaru._engine.zenml.runs.runs import find_run
from kitaru._engine.zenml.setup.errors import translated
from kitaru._engine.zenml.waits.decisions import Decisions
from kitaru.errors import KitaruBackendError, KitaruError, KitaruStateError
from kitaru.models import Continuation, ExecutionStatus, FailureOrigin, Trouble

logger = logging.getLogger(__name__)


class Continue(Protocol):
    """Lets an execution go on, in a process of its own if possible."""

    def __call__(
        self, run: PipelineRunResponse, *, queued: bool = False
    ) -> Continuation:
        """Let it go on; `queued` if it may queue for a process already."""
        ...


# What a run is called while its first runner is at work.
_STARTED = (RunStatus.INITIALIZING, RunStatus.PROVISIONING, RunStatus.RUNNING)


class Reconciler:
    """Finds dead runners and answered waits nobody goes on with."""

    def __init__(
        self,
        journal: Journal,
        queue: Queue,
        continue_elsewhere: Continue,
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._continue = continue_elsewhere

    def met(
        self, run: PipelineRunResponse, *, has_open_wait: bool, asked: bool = False
    ) -> PipelineRunResponse:
        """Return the run as it is after putting it right.

        Args:
            run: As it was read a moment ago.
            has_open_wait: Whether it has an unanswered wait.
            asked: Whether somebody asked for this very execution, so that its platform
                may be asked, too, now and then.
        """
        status = statuses.status_of(run)
        if status.is_finished and status is not ExecutionStatus.FAILED:
            return self._project_leftovers(run)
        if self._has_completed(run):
            return self._complete(run)
        look = platform_jobs.look_now_and_then if asked else None
        trouble = self.trouble_of(run, has_open_wait=has_open_wait, look=look)
        if trouble is None:
            return run if self._is_run(run) else self._project_leftovers(run)
        try:
            self.put_right(run, trouble)
        except KitaruError as error:
            # Another command was faster, or only the flow's own process can.
            logger.debug("execution %s stays as it is: %s", run.id, error)
            return run
        return find_run(str(run.id))

    def ended(self, run: PipelineRunResponse) -> PipelineRunResponse:
        """Return a failed run completed if its flow has returned; others as they are."""
        if statuses.status_of(run) is not ExecutionStatus.FAILED:
            return run
        return self._complete(run) if self._has_completed(run) else run

    def trouble_of(
        self, run: PipelineRunResponse, *, has_open_wait: bool, look: Look | None
    ) -> Trouble | None:
        """Return why an execution does not get on by itself, if it does not.

        Args:
            run: As it was read a moment ago.
            has_open_wait: Whether it has an unanswered wait.
            look: Says whether the platform has given up a silent remote execution.
        """
        status = statuses.status_of(run)
        if status.is_finished or self._is_run(run):
            return None
        elsewhere = remote_runs.runs_elsewhere(run)
        if status is ExecutionStatus.RUNNING:
            if self._lease(run) is not None:
                return Trouble.RUNNER_DIED
            given_up = elsewhere and look is not None and look(run)
            return Trouble.GIVEN_UP if given_up else None
        if has_open_wait and not due.has_untaken(self._journal, str(run.id)):
            return None
        if elsewhere:
            forgotten = remote_runs.is_forgotten(str(run.id))
        else:
            forgotten = self._is_of_this_machine(run)
        return Trouble.ANSWERED if forgotten else None

    def put_right(self, run: PipelineRunResponse, trouble: Trouble) -> str | None:
        """Continue or fail an execution; return how, `None` if it gets on by now.

        Raises:
            KitaruError: If it cannot be continued.
        """
        if self._has_completed(run):
            self._complete(run)
            return sweeping.HAD_COMPLETED
        if trouble is Trouble.ANSWERED:
            return self._go_on(run)
        if trouble is Trouble.GIVEN_UP:
            return self._fail_given_up(run)
        lease = self._lease(run)
        text = self._fail(run, lease) if lease is not None else None
        if text is None or not recoveries.is_due(self._journal, str(run.id)):
            return text
        return ": ".join(filter(None, [text, self.recover(str(run.id))]))

    def recover(self, execution_id: str) -> str | None:
        """Let an execution go on by itself whose runner died; return how, if it does."""
        run = find_run(execution_id)
        status = statuses.status_of(run)
        if status in (ExecutionStatus.COMPLETED, ExecutionStatus.CANCELLED):
            recoveries.over(self._journal, execution_id)
            return None
        if not runs.facts_to_run(run).source.is_loadable:
            why = "no other process can load its flow"
            recoveries.cannot(self._journal, execution_id, why)
            return None

        def go_on() -> Continuation:
            check_unchanged(execution_id, ExecutionStatus.FAILED, status)
            return self._continue(run)

        continuation = recoveries.recover(self._journal, execution_id, go_on)
        stack = run.stack.name if run.stack else None
        return sweeping.told(continuation, stack) if continuation else None

    def that_recover(self) -> list[PipelineRunResponse]:
        """Return the executions that are to go on by themselves by now."""
        due_now = recoveries.that_are_due(self._journal, self._queue)
        # Of another store they are none of ours.
        found = [plan.find_run(execution_id) for execution_id in due_now]
        return [run for run in found if run is not None]

    def see_to_queue(self) -> None:
        """Start processes for executions that nobody else starts one for.

        They queue for a pool in which none lives, or go on after their runner died.
        """
        for run in self.that_recover():
            try:
                self.recover(str(run.id))
            except KitaruError as error:
                logger.debug("%s does not go on: %s", run.id, error)
        for execution_id in self._queue.stranded():
            try:
                self._continue(find_run(execution_id), queued=True)
            except KitaruStateError as error:
                # It has ended, or somebody runs it.
                logger.debug("%s queues no more: %s", execution_id, error)
                self._queue.withdraw(execution_id)
            except KitaruError as error:
                logger.debug("%s does not go on: %s", execution_id, error)

    def _is_run(self, run: PipelineRunResponse) -> bool:
        """Whether somebody runs it, or it queues for a process that will."""
        if self._queue.holds(str(run.id)):
            return True
        lease = self._lease(run)
        return lease is not None and lease.is_live

    def _is_of_this_machine(self, run: PipelineRunResponse) -> bool:
        """Whether this machine has what an execution on a local stack needs."""
        # A server is shared, and so may be the host: another folder has its own journal.
        return (
            runs.store_is_a_file() or self._journal.execution(str(run.id)) is not None
        )

    def _lease(self, run: PipelineRunResponse) -> Lease | None:
        """Return the lease, or the runner noted with the run if it never took one."""
        lease = self._journal.lease(str(run.id))
        # Who resumes here takes the lease first: without one, a server tries to.
        if lease is None and run.status is RunStatus.RESUMING:
            is_here = runs.store_is_a_file() and not remote_runs.runs_elsewhere(run)
            return Lease(str(run.id), NOBODY, 0.0) if is_here else None
        if lease is not None or run.status not in _STARTED:
            return lease
        facts = runs.facts_of(run)
        runner = facts.runner if facts else None
        if not runner or not self._is_of_this_machine(run):
            return None
        holder = Holder(**runner)
        # Of another host, and without a heartbeat to go by, nothing is known.
        return Lease(str(run.id), holder, 0.0) if holder.is_here else None

    def _fail(self, run: PipelineRunResponse, lease: Lease) -> str | None:
        """Project what the dead runner finished, then mark the execution failed."""
        self._project_leftovers(run)
        # Nobody becomes its runner meanwhile.
        with self._journal.transaction():
            now = find_run(str(run.id))
            # It may have ended, and its lease may be gone, since `run` was read.
            if statuses.status_of(now) is not ExecutionStatus.RUNNING:
                return None
            if self._lease(now) != lease or self._queue.holds(str(run.id)):
                return None
            facts = runs.facts_of(run)
            died_in, becomes = recoveries.died(
                self._journal,
                str(run.id),
                self._end_running_steps(run),
                facts.settings.recover if facts else None,
            )
            failure = attempts.died(lease, died_in, becomes)
            text = failure.message
            self._journal.update_execution(str(run.id), failure=failure)
            if not recoveries.goes_on(self._journal, str(run.id)):
                flow = run.pipeline.name if run.pipeline else "unknown"
                target = facts.settings.notify if facts else None
                notices.ended(self._journal, str(run.id), flow, target, failure)
            # If it only slept, it finds that when it goes on.
            self._journal.take_away(lease)
            _mark_failed(run, text)
        return text

    def _has_completed(self, run: PipelineRunResponse) -> bool:
        """Whether the flow has returned, and nobody is about to show that in ZenML."""
        noted = self._journal.execution(str(run.id))
        if noted is None or noted.result is None:
            return False
        # Its runner has the lease from before it was one until it has shown the end.
        lease = self._journal.lease(str(run.id))
        return lease is None or not lease.is_live

    def _complete(self, run: PipelineRunResponse) -> PipelineRunResponse:
        """Show in ZenML what its runner could not, and return the run completed."""
        self._project_leftovers(run)
        try:
            with translated("showing in ZenML that an execution completed"):
                return runs.complete(run)
        except KitaruBackendError as error:
            logger.debug("execution %s: %s", run.id, error, exc_info=True)
            return statuses.shown_as(run, RunStatus.COMPLETED)

    def _fail_given_up(self, run: PipelineRunResponse) -> str | None:
        """Mark an execution failed whose platform runs nothing of it any more."""
        now = find_run(str(run.id))
        # Its last pod may have ended it, since `run` was read; or a retry has begun.
        if now.status is not run.status or now.updated != run.updated:
            return None
        died_in = self._end_running_steps(run)
        where = f" in {', '.join(died_in)}" if died_in else ""
        stack = run.stack.name if run.stack else "its stack"
        text = f"stack {stack} gave the job up{where}; finished checkpoints are kept"
        failure = failures.without_exception(text, FailureOrigin.RUNTIME)
        with translated("noting why an execution failed"):
            noted_failures.note_remote(now, failure)
        _mark_failed(run, text)
        return text

    def _end_running_steps(self, run: PipelineRunResponse) -> list[str]:
        """Mark calls failed that were shown as running; their bodies have not ended."""
        try:
            with translated("ending the calls of a dead runner"):
                return step_runs.end_running(str(run.id), "the runner died")
        except KitaruBackendError as error:
            logger.debug("%s", error, exc_info=True)
            return []

    def _go_on(self, run: PipelineRunResponse) -> str | None:
        execution_id = str(run.id)
        self._project_leftovers(run)
        with translated(f"looking at the waits of execution {execution_id}"):
            # The runner may have asked and left since the waits were read.
            untaken = due.has_untaken(self._journal, execution_id)
            if not untaken and Decisions(self._journal).open_waits(execution_id):
                return None
        if not remote_runs.runs_elsewhere(run):
            refuse_unloadable(runs.facts_to_run(run).source)
        return sweeping.told(self._continue(run), run.stack.name if run.stack else None)

    def _project_leftovers(self, run: PipelineRunResponse) -> PipelineRunResponse:
        execution_id = str(run.id)
        if is_finishing(execution_id):
            return run
        left = self._journal.calls(execution_id, unprojected=True)
        if not left:
            return run
        with active.stack(runs.stack_id_of(run)):
            self._project(run, left)
        return run

    def _project(self, run: PipelineRunResponse, left: list[CallRecord]) -> None:
        execution_id = str(run.id)
        flow = run.pipeline.name if run.pipeline else "unknown"
        values = artifact_versions.values_of(execution_id)
        writer = step_writer.StepWriter(
            execution_id, flow, values, local_rows.of_store()
        )
        names = [record.invocation_id for record in left]
        self._journal.mark_projecting(execution_id, names)
        try:
            with translated(f"showing execution {execution_id} in ZenML"):
                writer.read_existing()
                writer.write_all(left)
        except KitaruBackendError as error:
            logger.debug("%s", error, exc_info=True)
            return
        self._journal.mark_projected(execution_id, names)


def _mark_failed(run: PipelineRunResponse, text: str) -> None:
    with translated("marking a dead execution failed"):
        runs.set_status(
            str(run.id),
            RunStatus.FAILED,
            run_statuses.reason(FailureOrigin.RUNTIME, text),
        )
