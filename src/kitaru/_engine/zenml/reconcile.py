"""Put right what a dead runner left behind, whenever a command meets it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus
from zenml.models import PipelineRunResponse

from kitaru._core.records import CallRecord
from kitaru._engine.journal import Journal
from kitaru._engine.leases import Holder, Lease
from kitaru._engine.queue import Queue
from kitaru._engine.zenml import (
    active,
    artifacts,
    board,
    entry,
    local_rows,
    reading,
    remote,
    runs,
    steps,
)
from kitaru._engine.zenml.errors import translated
from kitaru._engine.zenml.projector import is_finishing
from kitaru.errors import KitaruBackendError, KitaruError, KitaruStateError
from kitaru.models import Continuation, ExecutionStatus, FailureOrigin

logger = logging.getLogger(__name__)


class Reconciler:
    """Finds dead runners and answered waits nobody goes on with."""

    def __init__(
        self,
        journal: Journal,
        queue: Queue,
        continue_elsewhere: Callable[[PipelineRunResponse], Continuation],
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._continue = continue_elsewhere

    def met(
        self, run: PipelineRunResponse, *, has_open_wait: bool
    ) -> PipelineRunResponse:
        """Return the run as it is after putting it right."""
        status = reading.status_of(run)
        if status.is_finished and status is not ExecutionStatus.FAILED:
            return self._project_leftovers(run)
        execution_id = str(run.id)
        if self._queue.holds(execution_id):
            return run
        lease = self._lease(run)
        if lease is not None and lease.is_live:
            return run
        if status is ExecutionStatus.RUNNING and lease is not None:
            return self._fail(run, lease)
        self._project_leftovers(run)
        if status is not ExecutionStatus.WAITING or has_open_wait:
            return run
        if not remote.runs_elsewhere(run) or remote.is_forgotten(execution_id):
            return self._go_on(run, execution_id)
        return run

    def see_to_queue(self) -> None:
        """Start processes for executions that queue for a pool in which none lives."""
        for execution_id in self._queue.stranded():
            try:
                self._continue(find_run(execution_id))
            except KitaruStateError as error:
                # It has ended, or somebody runs it.
                logger.debug("%s queues no more: %s", execution_id, error)
                self._queue.withdraw(execution_id)
            except KitaruError as error:
                logger.debug("%s does not go on: %s", execution_id, error)

    def _lease(self, run: PipelineRunResponse) -> Lease | None:
        """Return the lease, or the runner noted with the run if it never took one."""
        lease = self._journal.lease(str(run.id))
        if lease is not None or reading.status_of(run) is not ExecutionStatus.RUNNING:
            return lease
        runner = runs.facts_of(run).get("runner")
        if not runner:
            return None
        holder = Holder(**runner)
        # Of another host, and without a heartbeat to go by, nothing is known.
        return Lease(str(run.id), holder, 0.0) if holder.is_here else None

    def _fail(self, run: PipelineRunResponse, lease: Lease) -> PipelineRunResponse:
        """Project what the dead runner finished, then mark the execution failed."""
        self._project_leftovers(run)
        # Nobody becomes its runner meanwhile.
        with self._journal.transaction():
            now = find_run(str(run.id))
            # It may have ended, and its lease may be gone, since `run` was read.
            if reading.status_of(now) is not ExecutionStatus.RUNNING:
                return now
            if self._lease(now) != lease or self._queue.holds(str(run.id)):
                return now
            died_in = self._end_running_steps(run)
            where = f" in {', '.join(died_in)}" if died_in else ""
            text = f"the runner died{where} ({lease.holder}); finished checkpoints are kept"
            with translated("marking a dead execution failed"):
                runs.set_status(
                    str(run.id),
                    RunStatus.FAILED,
                    entry.reason(FailureOrigin.RUNTIME, text),
                )
                return Client().zen_store.get_run(run.id)

    def _end_running_steps(self, run: PipelineRunResponse) -> list[str]:
        """Mark calls failed that were shown as running; their bodies have not ended."""
        try:
            with translated("ending the calls of a dead runner"):
                return steps.end_running(str(run.id), "the runner died")
        except KitaruBackendError as error:
            logger.debug("%s", error, exc_info=True)
            return []

    def _go_on(
        self, run: PipelineRunResponse, execution_id: str
    ) -> PipelineRunResponse:
        with translated(f"looking at the waits of execution {execution_id}"):
            # The runner may have asked and left since the waits were read.
            if board.open_conditions(execution_id):
                return run
        try:
            self._continue(run)
        except KitaruError as error:
            # Another command was faster, or only the flow's own process can.
            logger.debug("execution %s does not go on: %s", execution_id, error)
            return run
        with translated(f"reading execution {execution_id}"):
            return Client().zen_store.get_run(run.id)

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
        values = artifacts.values_of(execution_id)
        writer = steps.StepWriter(execution_id, flow, values, local_rows.of_store())
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


def find_run(execution_id: str) -> PipelineRunResponse:
    """Return the ZenML run of an execution."""
    with translated(f"reading execution {execution_id}"):
        return Client().zen_store.get_run(UUID(execution_id))
