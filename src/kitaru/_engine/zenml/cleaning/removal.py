"""Remove executions: first out of sight, then their files, their journal rows last.

Whoever removes one holds its lease, so nobody retries it meanwhile and two cleans do not
meet. Its run goes first and in one transaction: an execution that is listed is whole.
What a death in between leaves is found by its journal rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from sqlalchemy.exc import SAWarning
from zenml.client import Client
from zenml.models import PipelineRunResponse

from kitaru._engine.journal.journal import Entry, Journal
from kitaru._engine.journal.leases import Holder
from kitaru._engine.port.cleaning import GONE
from kitaru._engine.zenml.cleaning import local_files, unused_code
from kitaru._engine.zenml.cleaning import plan as cleaning_plan
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruStateError
from kitaru.models import CleanItem, CleanPlan, CleanScope, Execution, Retention

_VALUES_USED = "its run is gone, but other runs use some of its values"
_BUSY = "another process works on it"
_UNSEEN = "not all of it is in ZenML; retry it first, or clean it with its project"


class ZenMLMaintenance:
    """What executions leave on this machine, and how it goes away.

    Args:
        journal: The journal of this machine.
        look: Looks at an execution, which shows in ZenML what is in the journal only.
    """

    def __init__(self, journal: Journal, look: Callable[[str], Execution]) -> None:
        self._journal = journal
        self._look = look
        # Executions whose sources are known to be spared.
        self._seen: set[str] = set()
        self._used: set[str] = set()

    def plan(
        self, scope: CleanScope, folder: Path, retention: Retention | None = None
    ) -> CleanPlan:
        self._seen = self._journal.ids()
        self._used = set()
        return cleaning_plan.plan(self._journal, scope, folder, retention)

    def remove(self, item: CleanItem, plan: CleanPlan) -> str | None:
        execution_id = item.exec_id
        if not plan.with_runs and cleaning_plan.find_run(execution_id) is not None:
            self._look(execution_id)
        before = self._entry(execution_id)
        if before is not None and before.is_run:
            return _BUSY
        try:
            self._journal.acquire(execution_id, Holder.me(), own=False)
        except KitaruStateError:
            return _BUSY
        gone = False
        try:
            run = cleaning_plan.find_run(execution_id)
            if run is None and self._journal.execution(execution_id) is None:
                return GONE
            reason = self._needed(run, before, execution_id, plan)
            if reason is None:
                reason = self._remove(execution_id, run, before, plan)
                gone = reason is None
            return reason
        finally:
            if not gone:
                self._journal.release(execution_id, Holder.me())

    def remove_stray_logs(self) -> int:
        # The files first: a log is younger than the journal's row of its execution.
        found = list(local_files.stray_logs(()))
        known = self._journal.ids()
        count = 0
        for path in found:
            if path.stem not in known and cleaning_plan.find_run(path.stem) is None:
                local_files.remove_file(path)
                count += 1
        return count

    def remove_half_written(self) -> int:
        found = list(local_files.old_drafts(local_files.artifact_stores()))
        for file in found:
            local_files.remove_file(file)
        return len(found)

    def remove_unused_code(self) -> int:
        stores = local_files.artifact_stores()
        return unused_code.remove(unused_code.find(self._journal, stores), stores)

    def compact(self) -> bool:
        return self._journal.compact()

    def _entry(self, execution_id: str) -> Entry | None:
        entries = self._journal.entries(execution_id)
        return entries[0] if entries else None

    def _needed(
        self,
        run: PipelineRunResponse | None,
        entry: Entry | None,
        execution_id: str,
        plan: CleanPlan,
    ) -> str | None:
        """Return why an execution must stay, now that nobody else can run it."""
        _, reason = cleaning_plan.state(run, entry, runs.store_id())
        if reason is not None:
            return reason
        if execution_id in self._used_by_new_ones():
            return cleaning_plan.USED
        if run is not None and entry is not None and not plan.with_runs:
            return self._only_in_journal(run, entry)
        return None

    def _only_in_journal(self, run: PipelineRunResponse, entry: Entry) -> str | None:
        """Return why the rows of an execution that stays cannot go, if they cannot."""
        notes = self._journal.notes(entry.execution_id)
        if entry.unprojected or not notes.keys() <= run.run_metadata.keys():
            return _UNSEEN
        return None

    def _used_by_new_ones(self) -> set[str]:
        """Return what executions use that were started after the plan was made."""
        for execution_id in self._journal.ids() - self._seen:
            run = cleaning_plan.find_run(execution_id)
            new = cleaning_plan.Known(execution_id, None, run)
            self._used |= cleaning_plan.sources_of(new, self._journal)
            self._seen.add(execution_id)
        return self._used

    def _remove(
        self,
        execution_id: str,
        run: PipelineRunResponse | None,
        entry: Entry | None,
        plan: CleanPlan,
    ) -> str | None:
        store = runs.store_id()
        if entry is None or entry.facts.store != store:
            # By this the next clean knows that the run is not just elsewhere.
            self._journal.update_execution(execution_id, store=store)
        stores = local_files.artifact_stores()
        if plan.with_runs:
            if run is not None:
                _delete_run(run)
            local_files.remove_log(execution_id, stores)
            local_files.remove_inputs(entry.facts.inputs if entry else None)
            if not local_files.remove_values(execution_id, stores):
                return _VALUES_USED
        local_files.remove_log(execution_id, stores)
        self._journal.forget(execution_id, stays=not plan.with_runs)
        return None


def _delete_run(run: PipelineRunResponse) -> None:
    """Delete a run with its steps and, if it has one to itself, its snapshot."""
    store = Client().zen_store
    snapshot = run.snapshot
    with translated(f"deleting execution {run.id}"), warnings.catch_warnings():
        # Rows that the database deletes by itself are no surprise.
        warnings.simplefilter("ignore", SAWarning)
        # Gone meanwhile: deleted in the dashboard, say.
        with suppress(KeyError):
            if (
                snapshot is not None
                and not snapshot.name
                and _runs_of(snapshot.id) == 1
            ):
                # Takes the run along.
                store.delete_snapshot(snapshot.id)
            else:
                store.delete_run(run.id)


def _runs_of(snapshot_id: UUID) -> int:
    return Client().list_pipeline_runs(snapshot_id=snapshot_id, size=1).total
