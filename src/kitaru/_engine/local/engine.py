"""The engine of a process that has no need of ZenML so far.

What operators ask most is answered from the store's file and the journal. Everything
else, every doubt, and all that comes after is for the engine that works through ZenML,
which takes seconds to come.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

from kitaru._core.calls.records import StoredFailure
from kitaru._engine.journal.journal import Journal
from kitaru._engine.local import description, ground, reading
from kitaru._engine.local.ground import OnlyZenMLKnows
from kitaru._engine.local.reading import Reader
from kitaru._engine.local.steering import Steering
from kitaru._engine.output import log_folders
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.port.engine import Engine, ExecutionQuery
from kitaru._engine.runners.queue import Queue
from kitaru._engine.settings import folders
from kitaru.models import (
    ArtifactRef,
    Continuation,
    Execution,
    ExecutionStatus,
    LogEntry,
    Page,
    PendingWait,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")
_LOOK_AGAIN = 0.1


class LocalEngine:
    """Answers without ZenML what it can; has all of an engine's operations.

    Args:
        open_zenml: Opens the engine that works through ZenML.
        beside_zenml: Answer also where this process has imported ZenML, whose own
            idea of project and store may then be another one than the files'.
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

    def running_here(self) -> tuple[str, ...]:
        if not self._is_alone:
            return self.through_zenml.running_here()
        # Who runs one has opened ZenML.
        return ()

    # -- looking ---------------------------------------------------------------

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

    def artifacts(self, execution_id: str) -> list[ArtifactRef]:
        return self._read(
            lambda r: list(r.get(execution_id).artifacts),
            lambda e: e.artifacts(execution_id),
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

    # -- steering --------------------------------------------------------------

    def answer(self, wait: PendingWait, value: object, *, surface: str) -> Continuation:
        return self._steer(
            lambda s: s.answer(wait, value, surface=surface),
            lambda e: e.answer(wait, value, surface=surface),
        )

    def continue_execution(self, execution_id: str) -> Continuation:
        return self._steer(
            lambda s: s.continue_execution(execution_id),
            lambda e: e.continue_execution(execution_id),
        )

    # -- logs, diagnosis -------------------------------------------------------

    def logs(self, execution_id: str, *, follow: bool) -> Iterator[LogEntry]:
        file = LogFile(log_folders.path_of(execution_id))
        if not self._is_alone or not file.path.exists():
            return self.through_zenml.logs(execution_id, follow=follow)
        if not follow:
            return file.read()
        return file.follow(
            lambda: self._is_over(execution_id), lambda: time.sleep(_LOOK_AGAIN)
        )

    def _is_over(self, execution_id: str) -> bool:
        """Whether it has ended and its runner has said so in the log."""
        if not self.get(execution_id).status.is_finished:
            return False
        lease = self._journal.lease(execution_id)
        return lease is None or not lease.is_live

    def describe(self) -> dict[str, Any]:
        if self._is_alone:
            try:
                return description.describe(ground.read())
            except OnlyZenMLKnows as doubt:
                logger.debug("through ZenML: %s", doubt)
        return self.through_zenml.describe()

    # -- with or without ZenML -----------------------------------------------------

    def _read(
        self, without: Callable[[Reader], T], through: Callable[[Engine], T]
    ) -> T:
        if self._is_alone:
            try:
                here = ground.read()
                with reading.looking(here, self._journal, self._queue) as reader:
                    return without(reader)
            except OnlyZenMLKnows as doubt:
                logger.debug("through ZenML: %s", doubt)
        return through(self.through_zenml)

    def _steer(
        self,
        without: Callable[[Steering], Continuation],
        through: Callable[[Engine], Continuation],
    ) -> Continuation:
        if self._is_alone:
            try:
                return without(Steering(ground.read(), self._journal, self._queue))
            except OnlyZenMLKnows as doubt:
                logger.debug("through ZenML: %s", doubt)
        return through(self.through_zenml)

    @property
    def _is_alone(self) -> bool:
        """Whether no other idea of project and store is in this process."""
        if self._beside_zenml:
            return True
        return self._opened is None and "zenml" not in sys.modules

    @cached_property
    def _journal(self) -> Journal:
        folders.close()
        return Journal(folders.journal_path())

    @cached_property
    def _queue(self) -> Queue:
        return Queue(self._journal)
