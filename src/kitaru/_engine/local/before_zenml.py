"""What an engine has that does without ZenML, and the way to the one that does not."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any

from kitaru._core.values.tagging import Permit, anything
from kitaru._engine.journal.breakpoints import JournalBreakpoints
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.notices import JournalNotices
from kitaru._engine.port.engine import Engine
from kitaru._engine.runners.queue import Queue
from kitaru._engine.runners.recoveries import JournalRecoveries
from kitaru._engine.settings import environment, folders


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
