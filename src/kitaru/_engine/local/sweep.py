"""Look at every unfinished execution of a local store once, and tidy up, without ZenML."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from kitaru._engine.disk import durable_files
from kitaru._engine.journal import due
from kitaru._engine.local import reading
from kitaru._engine.local.recovery import Forgotten, Recovery
from kitaru._engine.local.store import file, ground
from kitaru._engine.local.store.file import FOLDER
from kitaru._engine.local.store.ground import OnlyZenMLKnows, no_way_back
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.runners import recoveries, sweeping
from kitaru._engine.settings import folders
from kitaru.models import ExecutionStatus, Reconciled, Remedy, Trouble

logger = logging.getLogger(__name__)

_OPEN = (ExecutionStatus.RUNNING, ExecutionStatus.WAITING)
_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Sweep:
    """Passes over the executions of the active project."""

    recovery: Recovery

    def _recovered(self, *, dry_run: bool) -> Iterator[Reconciled]:
        """Let executions go on by themselves whose runner died before."""
        here, recovery = self.recovery.ground, self.recovery
        waiting = recoveries.that_are_due(recovery.journal, recovery.queue)
        with file.opened(here.database, here.project_id) as store:
            ours = [one for one in waiting if store.is_ours(one)]
        for execution_id in ours:
            try:
                found = recovery.look(execution_id)
            except OnlyZenMLKnows:
                # Whoever asks for it through ZenML lets it go on.
                continue
            item = sweeping.reconciled(
                execution_id,
                found.run.flow,
                Trouble.RUNNER_DIED,
                partial(self._recover, found),
                dry_run=dry_run,
                remedy=Remedy.CONTINUE,
            )
            if item is not None:
                yield item

    def _recover(self, found: Forgotten) -> str | None:
        with no_way_back():
            return self.recovery.mend(found)

    def unfinished(self) -> list[str]:
        """Return the executions to look at.

        Raises:
            OnlyZenMLKnows: If ZenML has to look at one of them, or at more than them.
        """
        if any((folders.own_folder() / "stacks").glob("*.json")):
            raise OnlyZenMLKnows("somebody makes a stack, or died doing so")
        here = self.recovery.ground
        with file.opened(here.database, here.project_id) as store:
            found = [
                run.execution_id
                for status in _OPEN
                for run in store.page(ExecutionQuery(status=status, size=_ALL))[0]
            ]
        for execution_id in found:
            self.recovery.look(execution_id)
        return found

    def reconcile(
        self,
        found: Sequence[str],
        *,
        dry_run: bool,
        progress: Callable[[int, int], None] | None,
    ) -> Iterator[Reconciled]:
        """Put right what is to be; see the port."""
        yield from self._recovered(dry_run=dry_run)
        if not dry_run:
            for execution_id in self.recovery.queue.stranded():
                # One of another store is for whoever works with that.
                with suppress(OnlyZenMLKnows):
                    self.recovery.put_right(execution_id)
        for number, execution_id in enumerate(found, 1):
            item = self._reconciled(execution_id, dry_run=dry_run)
            if progress is not None:
                progress(number, len(found))
            if item is not None:
                yield item
        if not dry_run:
            self._tidy()

    def _reconciled(self, execution_id: str, *, dry_run: bool) -> Reconciled | None:
        try:
            forgotten = self.recovery.look(execution_id)
        except OnlyZenMLKnows as doubt:
            # Deleted meanwhile, say: there is nothing to put right any more.
            logger.debug("execution %s: %s", execution_id, doubt)
            return None
        if forgotten.trouble is None:
            return None
        return sweeping.reconciled(
            execution_id,
            forgotten.run.flow,
            forgotten.trouble,
            lambda: self._mended(forgotten),
            dry_run=dry_run,
        )

    def _mended(self, forgotten: Forgotten) -> str | None:
        with no_way_back():
            return self.recovery.mend(forgotten)

    def _tidy(self) -> None:
        """Drop what the dead left: leases, places, drafts, what waits for nothing more."""
        journal = self.recovery.journal
        self.recovery.queue.forget_dead()
        for folder in (folders.config_folder(), folders.own_folder()):
            durable_files.remove_left(folder)
        # A store that is locked now is tidied by the next pass.
        with suppress(OnlyZenMLKnows):
            for root in ground.artifact_roots(self.recovery.ground):
                for folder in (root / FOLDER).glob("*"):
                    durable_files.remove_left(folder)
        for one in due.until(journal, due.now()):
            if self._is_over(one):
                due.take(journal, one.due_id)
        here = self.recovery.ground
        for lease in journal.leases():
            if lease.is_live:
                continue
            if not self._exists(lease.execution_id):
                sweeping.forget_unmade(journal, lease.execution_id, here.store_id)
            elif self._has_ended(lease.execution_id):
                journal.release(lease.execution_id, lease.holder)

    def _is_over(self, one: due.Due) -> bool:
        if one.kind not in due.OF_EXECUTIONS:
            return False
        status = self._status(one.execution_id)
        return status is not None and due.is_over(one, status)

    def _exists(self, execution_id: str) -> bool:
        here = self.recovery.ground
        # A store that is locked now may have it.
        with (
            suppress(OnlyZenMLKnows),
            file.opened(here.database, here.project_id) as store,
        ):
            return bool(store.ids_like(execution_id))
        return True

    def _has_ended(self, execution_id: str) -> bool:
        status = self._status(execution_id)
        return status is not None and status.is_finished

    def _status(self, execution_id: str) -> ExecutionStatus | None:
        recovery = self.recovery
        # One that is in another store, or in none, is not known to have ended.
        with (
            suppress(OnlyZenMLKnows),
            reading.looking(
                recovery.ground, recovery.journal, recovery.queue
            ) as reader,
        ):
            return reader.stored_status(execution_id)
        return None
