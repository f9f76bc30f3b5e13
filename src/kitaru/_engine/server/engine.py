"""The engine of a process that works with a server and has no need of ZenML so far.

What operators ask, and what they do to executions of this machine, goes to the server by
direct requests. Everything else, every doubt, and all that comes after is for the engine
that works through ZenML.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from kitaru._engine.journal.leases import Holder
from kitaru._engine.journal.refusals import is_of_a_row
from kitaru._engine.local.before_zenml import BeforeZenML
from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.output import log_folders
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.port.engine import Engine
from kitaru._engine.port.schedules import Schedules
from kitaru._engine.runners import schedules
from kitaru._engine.server import ground, reading
from kitaru._engine.server.reading import ServerReader
from kitaru._engine.server.steering import Steering
from kitaru.errors import KitaruBackendError
from kitaru.models import (
    Continuation,
    ExecutionStatus,
    LogEntry,
    PendingWait,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")
_LOOK_AGAIN = 0.5


class ServerEngine(BeforeZenML):
    """Asks a server directly what it can; has all of an engine's operations."""

    def running_here(self) -> tuple[str, ...]:
        return self.journal.held_by(Holder.me())

    def store_id(self) -> str:
        """Return the id of the server."""
        return self._read(lambda r: r.store_id, lambda e: e.store_id())

    @property
    def schedules(self) -> Schedules:
        """Refuse, as ZenML's engine does: each command asks what is due.

        Raises:
            KitaruFeatureNotAvailableError: On a server nothing is.
        """
        if self._is_alone:
            raise schedules.not_on_a_server()
        return self.through_zenml.schedules

    # -- looking -------------------------------------------------------------------

    def logs(self, execution_id: str, *, follow: bool) -> Iterator[LogEntry]:
        file = LogFile(log_folders.path_of(execution_id))
        if not file.path.exists():

            def read(reader: ServerReader) -> Iterator[LogEntry]:
                reader.refuse_remote(execution_id)
                return file.read()

            return self._read(read, lambda e: e.logs(execution_id, follow=follow))
        if not follow:
            return file.read()
        return file.follow(
            lambda: self._is_over(execution_id), lambda: time.sleep(_LOOK_AGAIN)
        )

    def _is_over(self, execution_id: str) -> bool:
        """Whether it has ended and its runner has said so in the log."""
        lease = self.journal.lease(execution_id)
        if lease is not None and lease.is_live:
            # Who runs it here ends it: no need to ask the server all the time.
            return False
        return self.get(execution_id).status.is_finished

    # -- steering ------------------------------------------------------------------

    def answer(self, wait: PendingWait, value: object, *, surface: str) -> Continuation:
        return self._steer(
            lambda s: s.answer(wait, value),
            lambda e: e.answer(wait, value, surface=surface),
            surface,
        )

    def abort(self, wait: PendingWait, *, surface: str) -> None:
        self._steer(
            lambda s: s.abort(wait), lambda e: e.abort(wait, surface=surface), surface
        )

    def cancel(self, execution_id: str, *, grace: float, surface: str) -> None:
        self._steer(
            lambda s: s.cancel(execution_id, grace=grace),
            lambda e: e.cancel(execution_id, grace=grace, surface=surface),
            surface,
        )

    # -- with or without ZenML -----------------------------------------------------

    def continue_execution(
        self, execution_id: str, *, seen: ExecutionStatus
    ) -> Continuation:
        return self._steer(
            lambda s: s.continue_execution(execution_id, seen=seen),
            lambda e: e.continue_execution(execution_id, seen=seen),
        )

    def _read(
        self, without: Callable[[ServerReader], T], through: Callable[[Engine], T]
    ) -> T:
        if self._is_alone:
            try:
                with reading.looking(self.journal, self.queue, self._load) as reader:
                    return without(reader)
            except OnlyZenMLKnows as doubt:
                logger.debug("through ZenML: %s", doubt)
            except KitaruBackendError as error:
                # It may do without what is damaged, or says the same.
                if not is_of_a_row(error):
                    raise
                logger.debug("through ZenML: %s", error)
        return through(self.through_zenml)

    def _steer(
        self,
        without: Callable[[Steering], T],
        through: Callable[[Engine], T],
        surface: str = "",
    ) -> T:
        if self._is_alone:
            try:
                with ground.standing() as (login, known, rest):
                    return without(
                        Steering(
                            login,
                            known,
                            rest,
                            self.journal,
                            self.queue,
                            self._load,
                            surface,
                        )
                    )
            except OnlyZenMLKnows as doubt:
                logger.debug("through ZenML: %s", doubt)
        return through(self.through_zenml)

    def _load(self, artifact_id: str, trust: bool) -> object:
        return self.through_zenml.artifact(artifact_id).load(trust=trust)
