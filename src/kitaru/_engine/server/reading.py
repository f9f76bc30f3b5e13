"""Executions as users see them, read from the server and the journal.

What this machine has noted of an execution comes from the journal, anything else from the
server. One that somebody has to go on with is put right by ZenML's way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kitaru._core.calls import described, failures
from kitaru._core.calls.records import CallRecord, StoredFailure, StoredValue
from kitaru._core.flows.metadata_keys import FAILURE_KEY
from kitaru._core.waits.condition_names import terms_in
from kitaru._engine.journal import due
from kitaru._engine.journal.journal import Journal
from kitaru._engine.local.reading import Reader
from kitaru._engine.local.store.file import Condition, Run
from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.port.execution import Found
from kitaru._engine.runners.queue import Queue
from kitaru._engine.server import ground
from kitaru._engine.server.store import ServerStore
from kitaru._engine.values import value_files
from kitaru.models import ArtifactRef, ExecutionStatus, FailureInfo, FailureOrigin

# Loads an artifact by its id; says whether its author is trusted.
LoadElsewhere = Callable[[str, bool], object]


class ServerReader(Reader):
    """One look at all executions of a project.

    Args:
        store: The server.
        store_id: The server's id.
        journal: The journal.
        queue: What queues for a process.
        load: Loads an artifact by its id where its author or place is not known here.
    """

    def __init__(
        self,
        store: ServerStore,
        store_id: str,
        journal: Journal,
        queue: Queue,
        load: LoadElsewhere,
    ) -> None:
        super().__init__(store, store_id, journal, queue)
        self._server = store
        self._load = load

    def known_calls(self, execution_id: str) -> list[CallRecord]:
        """Return the outcomes of an execution: the journal's, else the server's."""
        if self._is_ours(execution_id):
            return super().known_calls(execution_id)
        return self._server.recorded_calls(execution_id)

    def failure(self, execution_id: str) -> StoredFailure | None:
        """Return the failure that ended an execution; `None` if ours was not noted."""
        if self._is_ours(execution_id):
            return super().failure(execution_id)
        facts = self._server.facts(execution_id)
        metadata = self._server.metadata(execution_id)
        if facts is None or facts.version == 0 or FAILURE_KEY in metadata:
            raise OnlyZenMLKnows(f"who noted why {execution_id} failed")
        return None

    def value(self, execution_id: str, name: str) -> Found:
        """Return a value by its name in an execution of this machine."""
        whole = self.resolve_id(execution_id)
        if not self._is_ours(whole):
            raise OnlyZenMLKnows(f"where the values of {whole} are")
        return super().value(whole, name)

    def refuse_remote(self, execution_id: str) -> None:
        """Refuse an execution that a remote stack runs."""
        facts = self._server.facts(execution_id)
        if facts is None or facts.is_remote:
            raise OnlyZenMLKnows(f"{execution_id} does not run on a local stack")

    def _result_of(self, execution_id: str) -> StoredValue | None:
        if self._is_ours(execution_id):
            return super()._result_of(execution_id)
        place = self._server.place_of_result(execution_id)
        if place is not None and not value_files.is_of_another_machine(place):
            raise OnlyZenMLKnows(f"what is in {place}")
        return None

    def _is_ours(self, execution_id: str) -> bool:
        """Whether this machine has run it."""
        return self._journal.execution(execution_id) is not None

    def _described_failure(self, run: Run) -> FailureInfo | None:
        if run.status is not ExecutionStatus.FAILED:
            return None
        failure = self.failure(run.execution_id)
        if failure is not None:
            return failures.describe(failure)
        message, traceback = self._server.problem(run.execution_id)
        return FailureInfo(
            message=run.reason or message or "unknown",
            traceback=traceback,
            origin=FailureOrigin.UNKNOWN,
        )

    def _refuse_trouble(self, run: Run, pending: Sequence[Condition]) -> None:
        if self._is_ours(run.execution_id):
            super()._refuse_trouble(run, pending)
            return
        # Where it runs somebody sees to it, but to waits that are over.
        for wait in pending:
            if terms_in(wait.metadata).is_over(due.now()):
                raise OnlyZenMLKnows(f"wait {wait.name!r} is over")
        facts = self._server.facts(run.execution_id)
        if facts is None or facts.is_remote:
            raise OnlyZenMLKnows(f"what the stack of {run.execution_id} does")

    def _refuse_unshown_end(self, run: Run) -> None:
        if self._is_ours(run.execution_id):
            super()._refuse_unshown_end(run)

    def _pending_of(self, execution_id: str) -> list[Condition]:
        if not self._server.asks(execution_id):
            return []
        # One question to the server for all executions of a page.
        every = self._server.pending(None)
        return [wait for wait in every if wait.execution_id == execution_id]

    def _binder(self, execution_id: str) -> described.Bind:
        trusted = self._journal.was_started_here(execution_id)
        own = super()._binder(execution_id)

        def bind(ref: ArtifactRef, value: StoredValue) -> ArtifactRef:
            if trusted and _is_here(value):
                return own(ref, value)
            return ref.bind(lambda trust: self._load(ref.artifact_id, trust))

        return bind


@contextmanager
def looking(
    journal: Journal, queue: Queue, load: LoadElsewhere
) -> Iterator[ServerReader]:
    """Look at all executions of this process's project.

    Raises:
        OnlyZenMLKnows: If ZenML has to be asked; says why.
        KitaruBackendError: If the server is not there, fails, or refuses us.
    """
    with ground.standing() as (_, known, rest):
        store = ServerStore(rest, known)
        yield ServerReader(store, known.server_id, journal, queue, load)


def _is_here(value: StoredValue) -> bool:
    return value.payload is not None or Path(value.uri or "").is_absolute()
