"""What an engine has that does without ZenML, and the way to the one that does not."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from kitaru._core.calls.records import StoredFailure
from kitaru._core.values.tagging import Permit, anything
from kitaru._engine.journal.breakpoints import JournalBreakpoints
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.notices import JournalNotices
from kitaru._engine.local.reading import Reader
from kitaru._engine.port.engine import Engine, ExecutionQuery
from kitaru._engine.port.execution import Found
from kitaru._engine.runners.queue import Queue
from kitaru._engine.runners.recoveries import JournalRecoveries
from kitaru._engine.settings import environment, folders
from kitaru.models import ArtifactRef, Execution, ExecutionStatus, Page, PendingWait

T = TypeVar("T")


class BeforeZenML:
    """Does what it can by itself; has all of an engine's operations.

    Args:
        open_zenml: Opens the engine that works through ZenML.
        beside_zenml: Answer also where this process has imported ZenML, whose own
            idea of store and project may then be another one than the files'.
    """

    def __init__(
        self, open_zenml: Callable[[], Engine], *, beside_zenml: bool = False
    ) -> None:
        self._open_zenml = open_zenml
        self._beside_zenml = beside_zenml
        self._opened: Engine | None = None
        self._opening = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        """Return an operation that has to go through ZenML."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.through_zenml, name)

    @property
    def through_zenml(self) -> Engine:
        """The engine that works through ZenML."""
        # Two threads that come first would open two.
        with self._opening:
            if self._opened is None:
                self._opened = self._open_zenml()
            return self._opened

    @property
    def _is_alone(self) -> bool:
        """Whether no other idea of store and project is in this process."""
        if self._beside_zenml:
            return True
        return self._opened is None and "zenml" not in sys.modules

    def permit_of(self, execution_id: str, what: str) -> Permit:
        if self.journal.was_started_here(execution_id) or folders.trusts_pickles():
            return anything
        # Whose it is, and the refusal.
        return lambda action: self.through_zenml.permit_of(execution_id, what)(action)

    @cached_property
    def journal(self) -> Journal:
        """The journal of this machine."""
        if "zenml" not in sys.modules:
            # For user code that imports it beside us.
            environment.prepare()
        folders.close()
        return Journal(folders.journal_path())

    @cached_property
    def breakpoints(self) -> JournalBreakpoints:
        """Where executions of this machine are to stop."""
        return JournalBreakpoints(self.journal)

    @cached_property
    def notices(self) -> JournalNotices:
        """What webhooks are to be told."""
        return JournalNotices(self.journal)

    @cached_property
    def recoveries(self) -> JournalRecoveries:
        """What became of executions of this machine whose process died."""
        return JournalRecoveries(self.journal)

    @cached_property
    def queue(self) -> Queue:
        """The executions that queue for a process."""
        return Queue(self.journal)

    # -- looking ---------------------------------------------------------------

    def _read(
        self, without: Callable[[Reader], T], through: Callable[[Engine], T]
    ) -> T:
        """Read something without ZenML; what only ZenML knows through it."""
        raise NotImplementedError

    def keyed(self, key: str) -> tuple[str, str] | None:
        return self._read(lambda r: r.keyed(key), lambda e: e.keyed(key))

    def get(self, execution_id: str) -> Execution:
        return self._read(lambda r: r.get(execution_id), lambda e: e.get(execution_id))

    def find(self, query: ExecutionQuery) -> Page[Execution]:
        return self._read(lambda r: r.find(query), lambda e: e.find(query))

    def stored_status(self, execution_id: str) -> ExecutionStatus:
        return self._read(
            lambda r: r.stored_status(execution_id),
            lambda e: e.stored_status(execution_id),
        )

    def resolve_id(self, prefix: str) -> str:
        return self._read(
            lambda r: r.resolve_id(prefix), lambda e: e.resolve_id(prefix)
        )

    def failure(self, execution_id: str) -> StoredFailure | None:
        return self._read(
            lambda r: r.failure(execution_id), lambda e: e.failure(execution_id)
        )

    def result(self, execution_id: str) -> object:
        return self._read(
            lambda r: r.result(execution_id), lambda e: e.result(execution_id)
        )

    def value(self, execution_id: str, name: str, trust: bool) -> Found:
        return self._read(
            lambda r: r.value(execution_id, name),
            lambda e: e.value(execution_id, name, trust),
        )

    def artifacts(self, execution_id: str) -> list[ArtifactRef]:
        return self._read(
            lambda r: list(r.get(execution_id).artifacts),
            lambda e: e.artifacts(execution_id),
        )

    def artifact(self, artifact_id: str) -> ArtifactRef:
        return self._read(
            lambda r: r.artifact(artifact_id), lambda e: e.artifact(artifact_id)
        )

    def pending_waits(self, execution_id: str | None) -> list[PendingWait]:
        return self._read(
            lambda r: r.pending_waits(execution_id),
            lambda e: e.pending_waits(execution_id),
        )

    def wait_names(self, execution_id: str) -> frozenset[str]:
        return self._read(
            lambda r: r.wait_names(execution_id), lambda e: e.wait_names(execution_id)
        )
