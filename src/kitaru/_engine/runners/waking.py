"""Look after other executions while a flow runs: those that are due, or whose runner died."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kitaru._engine.journal import due
from kitaru._engine.journal.journal import Journal
from kitaru._engine.port.engine import Engine
from kitaru.errors import KitaruError

logger = logging.getLogger(__name__)

_LOOK_EVERY = 5.0


@contextmanager
def waking(engine: Engine) -> Iterator[None]:
    """Look every few seconds as long as a flow runs here."""
    if not engine.wakes_others:
        yield
        return
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(_LOOK_EVERY):
            engine.wake_others()

    thread = threading.Thread(target=look, name="kitaru-waking", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


class Looking:
    """Looks at executions that do not get on by themselves.

    Args:
        engine: The engine, which puts right what it is asked for.
        journal: Its journal.
    """

    def __init__(self, engine: Engine, journal: Journal) -> None:
        self._engine = engine
        self._journal = journal
        # Dead runners that were looked at: what could not be helped once is left.
        self._seen: set[int] = set()

    def look(self) -> None:
        """Look once."""
        try:
            for one in due.of_executions(self._journal):
                self._look_at(one)
            for lease in self._journal.leases():
                if not lease.is_live and lease.token not in self._seen:
                    self._seen.add(lease.token)
                    self._engine.get(lease.execution_id)
        except KitaruError as error:
            logger.debug("nobody was woken: %s", error, exc_info=True)

    def _look_at(self, one: due.Due) -> None:
        if due.is_over(one, self._engine.get(one.execution_id).status):
            # It has ended, and waits for nothing any more.
            due.take(self._journal, one.due_id)
