"""Give up a wait, and stop an execution, without ZenML."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from kitaru._core.waits import answered
from kitaru._engine.local import conditions, reading
from kitaru._engine.local.rows import runs
from kitaru._engine.local.rows.store_rows import StoreRows
from kitaru._engine.local.steering import Steering
from kitaru._engine.local.store.ground import no_way_back
from kitaru._engine.output.reporter import LogReporter
from kitaru._engine.recording import attempts
from kitaru._engine.runners import cancelling
from kitaru._engine.settings import person
from kitaru.errors import KitaruStateError
from kitaru.models import ExecutionStatus, PendingWait


@dataclass(frozen=True, slots=True)
class Cancelling:
    """Stops executions of a local store; `surface` is what the person uses."""

    steering: Steering
    surface: str

    def abort(self, wait: PendingWait) -> None:
        """Give up a wait, and those that are open beside it; its execution is cancelled.

        Raises:
            KitaruStateError: If it has an answer.
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        assert wait.exec_id is not None  # waits of an engine know their execution
        answer = answered.given_up(by=person.here(), surface=self.surface)
        lease = self.steering.decide(wait, answer)
        with no_way_back():
            for other in self._open_waits(wait.exec_id):
                # Nobody goes on with them; whoever answered one meanwhile has done so.
                with suppress(KitaruStateError):
                    self.steering.decide(other, answer)
        if lease is None:
            # No runner says so in the log.
            LogReporter(attempts.log_of(wait.exec_id)).answered(wait.name, answer)

    def cancel(self, execution_id: str, *, grace: float) -> None:
        """Stop an execution: by force after `grace` seconds.

        Raises:
            KitaruContextError: If it is to cancel itself.
            KitaruStateError: If it has ended otherwise, or cannot be stopped from here.
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        cancelling.cancel(self, self.steering.journal, execution_id, grace=grace)

    # -- for `cancelling.cancel` ---------------------------------------------------

    def stopped_elsewhere(self, execution_id: str) -> bool:
        waits = self._open_waits(execution_id)
        if waits:
            self.abort(waits[0])
        return bool(waits)

    def has_open_wait(self, execution_id: str) -> bool:
        return bool(self._open_waits(execution_id))

    def stored_status(self, execution_id: str) -> ExecutionStatus:
        ground, journal = self.steering.ground, self.steering.journal
        with reading.looking(ground, journal, self.steering.queue) as reader:
            status = reader.stored_status(execution_id)
            if status is not ExecutionStatus.WAITING:
                return status
            told = [
                conditions.answer_of(journal, condition.wait_id)
                for condition in reader.conditions(execution_id)
            ]
        # Who has given its wait up may not have shown that yet.
        is_given_up = any(answer is not None and answer.aborted for answer in told)
        return ExecutionStatus.CANCELLED if is_given_up else status

    def mark_cancelled(self, execution_id: str) -> None:
        store = StoreRows(self.steering.ground)
        try:
            runs.end(store, execution_id, "stopped", "Cancelled.")
        finally:
            store.close()

    def _open_waits(self, execution_id: str) -> list[PendingWait]:
        ground, journal = self.steering.ground, self.steering.journal
        with reading.looking(ground, journal, self.steering.queue) as reader:
            # Raises for what does not run on this machine.
            reader.facts_to_run(execution_id)
            if reader.stored_status(execution_id) is not ExecutionStatus.WAITING:
                # One that runs stops at its next checkpoint, whatever it has asked.
                return []
            return reader.pending_waits(execution_id)
