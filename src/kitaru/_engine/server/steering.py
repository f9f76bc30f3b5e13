"""Answer waits, let executions go on and stop them, by journal and direct requests.

The server decides which answer stands, since people answer there who have no part in this
journal. Everything that ZenML has to do is found out before anything is changed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from kitaru._core.calls import failures
from kitaru._core.calls.statuses import check_unchanged
from kitaru._core.flows import run_statuses
from kitaru._core.flows.facts import ExecutionFacts, LocalFacts
from kitaru._core.flows.metadata_keys import ANSWER_KEY
from kitaru._core.waits import answered
from kitaru._core.waits.answered import Answer
from kitaru._engine import flow_loading
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder, Lease
from kitaru._engine.local import conditions
from kitaru._engine.local.starting import PROJECT
from kitaru._engine.local.store.ground import OnlyZenMLKnows, no_way_back
from kitaru._engine.output import log_folders
from kitaru._engine.output.reporter import LogReporter
from kitaru._engine.recording import attempts
from kitaru._engine.runners import cancelling
from kitaru._engine.runners.queue import Queue
from kitaru._engine.runners.spawning import Surroundings
from kitaru._engine.runners.starting import Starter
from kitaru._engine.server import ground
from kitaru._engine.server.ground import ServerGround
from kitaru._engine.server.login import AUTH_TOKEN, SERVER_URL, Login
from kitaru._engine.server.reading import LoadElsewhere, ServerReader
from kitaru._engine.server.rest import RefusedError, Rest
from kitaru._engine.server.store import ServerStore
from kitaru.errors import KitaruBackendError, KitaruError, KitaruStateError
from kitaru.models import (
    Continuation,
    ExecutionStatus,
    FailureOrigin,
    PendingWait,
)

logger = logging.getLogger(__name__)

_NOT_ALLOWED = "IllegalOperationError"
_RESUMING = "resuming"


@dataclass(frozen=True, slots=True)
class Steering:
    """Steers executions of a project that this machine runs.

    Attributes:
        surface: What the person uses, where that is noted.
    """

    login: Login
    ground: ServerGround
    rest: Rest
    journal: Journal
    queue: Queue
    load: LoadElsewhere
    surface: str = ""

    # -- answers -----------------------------------------------------------------------

    def answer(self, wait: PendingWait, value: object) -> Continuation:
        """Store a checked answer and let the execution go on.

        Raises:
            KitaruStateError: If it is not the first answer; it changes nothing.
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        assert wait.exec_id is not None  # waits of an engine know their execution
        facts, started = self._facts(wait.exec_id)
        answer = answered.given(value, by=self.ground.user, surface=self.surface)
        lease = self._decide(wait, answer)
        if lease is not None:
            return Continuation(how="runner", pid=lease.holder.pid)
        try:
            with self._no_way_back():
                seen = self._status(wait.exec_id)
                return self._continue(wait.exec_id, facts, started, seen)
        except KitaruError as error:
            # Stored it is, and an error would ask for a second answer.
            return Continuation(how=f"the answer is stored, but {error}")

    def abort(self, wait: PendingWait) -> None:
        """Give up a wait, and those that are open beside it; its execution is cancelled.

        Raises:
            KitaruStateError: If it has an answer.
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        assert wait.exec_id is not None  # waits of an engine know their execution
        self._facts(wait.exec_id)
        open_now = self._reader().pending_waits(wait.exec_id)
        answer = answered.given_up(by=self.ground.user, surface=self.surface)
        lease = self._decide(wait, answer)
        with self._no_way_back():
            for other in open_now:
                if other.wait_id != wait.wait_id:
                    # Nobody goes on with it; whoever answered it meanwhile has done so.
                    with suppress(KitaruStateError):
                        self._decide(other, answer)
        if lease is None:
            # No runner says so in the log.
            LogReporter(attempts.log_of(wait.exec_id)).answered(wait.name, answer)

    def _decide(self, wait: PendingWait, answer: Answer) -> Lease | None:
        """Make an answer the one that stands; return the lease of a living runner."""
        assert wait.exec_id is not None
        resolution = "abort" if answer.aborted else "continue"
        try:
            self.rest.change(
                "PUT",
                f"/run_wait_conditions/{wait.wait_id}/resolve",
                {"resolution": resolution, "result": answer.value},
                doing=f"answering wait {wait.name!r}",
            )
        except RefusedError as error:
            if error.kind != _NOT_ALLOWED or not self._is_over(wait):
                raise
            raise KitaruStateError(
                f"wait {wait.name!r} of execution {wait.exec_id} was answered by somebody "
                "else a moment ago; nothing was changed"
            ) from None
        self._note(wait, answer)
        return self.journal.carry_over(wait.wait_id, wait.exec_id, answer.to_dict())

    def _is_over(self, wait: PendingWait) -> bool:
        """Whether a wait has an answer; who may not give one is refused in the same words."""
        found = ServerStore(self.rest, self.ground).condition(wait.wait_id)
        return found is not None and not found.is_pending

    def _note(self, wait: PendingWait, answer: Answer) -> None:
        """Keep with run and wait who answered; the answer stands without."""
        key = f"{ANSWER_KEY}{wait.name}"
        try:
            self.rest.change(
                "POST",
                "/run-metadata",
                {
                    "project": self.ground.project_id,
                    "resources": [
                        {"id": wait.exec_id, "type": "pipeline_run"},
                        {"id": wait.wait_id, "type": "wait_condition"},
                    ],
                    "values": {key: answered.for_zenml(answer)},
                    "types": {key: "dict"},
                },
                doing=f"noting the answer to wait {wait.name!r}",
            )
        except (RefusedError, KitaruBackendError) as error:
            logger.warning("%s", error)

    # -- going on ----------------------------------------------------------------------

    def continue_execution(
        self, execution_id: str, *, seen: ExecutionStatus
    ) -> Continuation:
        """Let a failed or answered execution go on in a process of its own.

        Raises:
            KitaruStateError: If it is not any more as it was seen.
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        facts, started = self._facts(execution_id)
        check_unchanged(execution_id, seen, self._status(execution_id))
        return self._continue(execution_id, facts, started, seen)

    def _continue(
        self,
        execution_id: str,
        facts: LocalFacts,
        started: ExecutionFacts,
        seen: ExecutionStatus,
    ) -> Continuation:
        flow_loading.refuse_unloadable(started.source)
        self.journal.acquire(execution_id, Holder.me(), own=False)
        try:
            self._mark_resuming(execution_id, seen)
        except (KitaruError, RefusedError, OnlyZenMLKnows):
            self.journal.release(execution_id, Holder.me())
            raise
        changes = {PROJECT: self.ground.project_id}
        if self.login.by_environment:
            changes[SERVER_URL] = self.login.url
            # What is stored is found where it is stored.
            changes[AUTH_TOKEN] = os.environ.get(AUTH_TOKEN, "")
        found = Surroundings.of(facts, changes, self.ground.server_id)
        try:
            return Starter(self.journal, self.queue).start_or_queue(
                execution_id, found, log=log_folders.path_of(execution_id)
            )
        except KitaruError as error:
            self._fail(execution_id, str(error))
            raise

    def _fail(self, execution_id: str, why: str) -> None:
        """An execution that no process can run has failed; retry works later."""
        failure = failures.without_exception(why, FailureOrigin.RUNTIME)
        # First: whoever sees the new status must not see an old failure.
        self.journal.update_execution(execution_id, failure=failure)
        reason = run_statuses.reason(FailureOrigin.RUNTIME, why)
        try:
            self._move(execution_id, "failed", reason)
        except (KitaruError, RefusedError) as refused:
            logger.warning("%s", refused)

    def _mark_resuming(self, execution_id: str, seen: ExecutionStatus) -> None:
        """Move the run to `resuming`, now that we hold the lease."""
        run = ServerStore(self.rest, self.ground).run(execution_id)
        status = run.status
        if status in (ExecutionStatus.COMPLETED, ExecutionStatus.CANCELLED):
            check_unchanged(execution_id, ExecutionStatus.RUNNING, status)
        check_unchanged(execution_id, seen, status)
        if run.word == _RESUMING:
            # One that queued before is marked.
            return
        if status not in (ExecutionStatus.FAILED, ExecutionStatus.WAITING):
            # ZenML lets nothing else resume; an abandoned run counts as running.
            self._move(execution_id, "failed", "runtime: the runner died")
        self._move(execution_id, _RESUMING, None)

    # -- cancelling --------------------------------------------------------------------

    def cancel(self, execution_id: str, *, grace: float) -> None:
        """Stop an execution: by force after `grace` seconds.

        Raises:
            KitaruContextError: If it is to cancel itself.
            KitaruStateError: If it has ended otherwise, or cannot be stopped from here.
            OnlyZenMLKnows: If ZenML has to do it; nothing was changed.
        """
        self._facts(execution_id)
        # A wait whose time is over is for ZenML's way.
        self._open_waits(execution_id)
        with self._no_way_back():
            cancelling.cancel(self, self.journal, execution_id, grace=grace)

    def stopped_elsewhere(self, execution_id: str) -> bool:
        waits = self._open_waits(execution_id)
        if waits:
            self.abort(waits[0])
        return bool(waits)

    def has_open_wait(self, execution_id: str) -> bool:
        return bool(self._open_waits(execution_id))

    def stored_status(self, execution_id: str) -> ExecutionStatus:
        status = self._status(execution_id)
        if status is not ExecutionStatus.WAITING:
            return status
        told = [
            conditions.answer_of(self.journal, condition.wait_id)
            for condition in self._reader().conditions(execution_id)
        ]
        # Who has given its wait up may not have shown that yet.
        is_given_up = any(answer is not None and answer.aborted for answer in told)
        return ExecutionStatus.CANCELLED if is_given_up else status

    def mark_cancelled(self, execution_id: str) -> None:
        self._move(execution_id, "stopped", "Cancelled.")

    def _open_waits(self, execution_id: str) -> list[PendingWait]:
        if self._status(execution_id) is not ExecutionStatus.WAITING:
            # One that runs stops at its next checkpoint, whatever it has asked.
            return []
        return self._reader().pending_waits(execution_id)

    # -- what all of them need ---------------------------------------------------------

    def _facts(self, execution_id: str) -> tuple[LocalFacts, ExecutionFacts]:
        """Return what is known of an execution that this machine can run.

        Raises:
            OnlyZenMLKnows: If it is another machine's, or ZenML has to fetch its code.
        """
        ground.check_version(self.rest)
        reader = self._reader()
        noted = reader.noted(execution_id)
        _, started = reader.facts_to_run(execution_id)
        if not started.source.is_loadable or started.deployed is not None:
            raise OnlyZenMLKnows(f"where the code of {execution_id} is")
        return noted, started

    def _status(self, execution_id: str) -> ExecutionStatus:
        return self._reader().stored_status(execution_id)

    def _reader(self) -> ServerReader:
        """Return a new look: what was read before may have changed."""
        store = ServerStore(self.rest, self.ground)
        return ServerReader(
            store, self.ground.server_id, self.journal, self.queue, self.load
        )

    def _move(self, execution_id: str, word: str, reason: str | None) -> None:
        """Set the status of a run, unless somebody else has just moved it elsewhere."""
        try:
            self.rest.change(
                "PUT",
                f"/runs/{execution_id}",
                {"status": word, "status_reason": reason},
                doing=f"moving execution {execution_id} to {word}",
            )
        except RefusedError as error:
            if error.kind != _NOT_ALLOWED:
                raise
            now = self._status(execution_id)
            raise KitaruStateError(
                f"somebody else was faster: execution {execution_id} is {now.value} by "
                "now, and nothing was changed"
            ) from None

    @contextmanager
    def _no_way_back(self) -> Iterator[None]:
        """Let refusals and doubts be errors: something was changed before them."""
        with no_way_back():
            try:
                yield
            except RefusedError as error:
                raise OnlyZenMLKnows(str(error)) from error
