"""Look at every unfinished execution once, and put right what nobody goes on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from zenml.models import PipelineRunResponse

from kitaru._engine.disk import durable_files
from kitaru._engine.journal import due
from kitaru._engine.journal.journal import Journal
from kitaru._engine.runners import sweeping
from kitaru._engine.runners.queue import Queue
from kitaru._engine.settings import folders
from kitaru._engine.zenml.cleaning import local_files, plan
from kitaru._engine.zenml.pods import platform_jobs, turns
from kitaru._engine.zenml.recovery.recovery import Reconciler
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.runs import statuses as zenml_statuses
from kitaru._engine.zenml.setup.errors import translated
from kitaru._engine.zenml.stacks import attempts
from kitaru._engine.zenml.waits.decisions import Decisions
from kitaru.models import ExecutionStatus, Reconciled, Remedy, Trouble

_OPEN = (ExecutionStatus.RUNNING, ExecutionStatus.WAITING)


class ZenMLReconciling:
    """Passes over the executions of the active project."""

    def __init__(self, journal: Journal, queue: Queue, reconciler: Reconciler) -> None:
        self._journal = journal
        self._queue = queue
        self._reconciler = reconciler
        self._decisions = Decisions(journal)

    def reconcile(
        self, *, dry_run: bool, progress: Callable[[int, int], None] | None
    ) -> Iterator[Reconciled]:
        # All of them first: what is put right would shift the pages.
        found = _unfinished()
        for run in self._reconciler.that_recover():
            item = self._recovered(run, dry_run=dry_run)
            if item is not None:
                yield item
        if not dry_run:
            self._reconciler.see_to_queue()
        for number, run in enumerate(found, 1):
            item = self._reconciled(run, dry_run=dry_run)
            if progress is not None:
                progress(number, len(found))
            if item is not None:
                yield item
        if not dry_run:
            self._tidy()

    def _recovered(
        self, run: PipelineRunResponse, *, dry_run: bool
    ) -> Reconciled | None:
        """Let an execution go on by itself whose runner died before."""
        return sweeping.reconciled(
            str(run.id),
            run.pipeline.name if run.pipeline else None,
            Trouble.RUNNER_DIED,
            lambda: self._reconciler.recover(str(run.id)),
            dry_run=dry_run,
            remedy=Remedy.CONTINUE,
        )

    def _reconciled(
        self, run: PipelineRunResponse, *, dry_run: bool
    ) -> Reconciled | None:
        trouble = self._reconciler.trouble_of(
            run,
            has_open_wait=self._decisions.has_open_wait(run, looks_only=dry_run),
            look=platform_jobs.look,
        )
        if trouble is None:
            return None
        return sweeping.reconciled(
            str(run.id),
            run.pipeline.name if run.pipeline else None,
            trouble,
            lambda: self._reconciler.put_right(run, trouble),
            dry_run=dry_run,
        )

    def _tidy(self) -> None:
        """Drop what the dead left: leases, places, turns, drafts, parts of stacks."""
        attempts.remove_half_made()
        self._queue.forget_dead()
        _remove_drafts()
        for one in due.of_executions(self._journal):
            ended = plan.find_run(one.execution_id)
            if ended and due.is_over(one, zenml_statuses.status_of(ended)):
                # It waits for nothing any more.
                due.take(self._journal, one.due_id)
        for lease in self._journal.leases():
            if lease.is_live:
                continue
            run = plan.find_run(lease.execution_id)
            if run is None:
                sweeping.forget_unmade(
                    self._journal, lease.execution_id, runs.store_id()
                )
            elif run.status.is_finished:
                self._journal.release(lease.execution_id, lease.holder)
        if runs.store_is_a_file():
            return
        with translated("looking for turns of executions that have ended"):
            turns.forget_ended()


def _remove_drafts() -> None:
    """Remove files that the dead had begun to write, and no execution knows of."""
    for folder in (folders.config_folder(), folders.own_folder()):
        durable_files.remove_left(folder)
    for store in local_files.artifact_stores():
        for folder in (store / local_files.FOLDER).glob("*"):
            durable_files.remove_left(folder)


def _unfinished() -> list[PipelineRunResponse]:
    statuses = [one for status in _OPEN for one in zenml_statuses.words(status)]
    wanted = "oneof:[" + ", ".join(f'"{status}"' for status in statuses) + "]"
    with translated("looking for unfinished executions"):
        return runs.ours(status=wanted)
