"""Let an execution of this machine go on in a process of its own, or queue for one."""

from __future__ import annotations

from pathlib import Path

from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder
from kitaru._engine.runners import spawning
from kitaru._engine.runners.queue import Queue
from kitaru._engine.runners.spawning import Surroundings
from kitaru.errors import KitaruError
from kitaru.models import Continuation


class Starter:
    """Starts processes; whoever calls holds the lease of the execution."""

    def __init__(self, journal: Journal, queue: Queue) -> None:
        self._journal = journal
        self._queue = queue

    def start_or_queue(
        self, execution_id: str, surroundings: Surroundings, *, log: Path
    ) -> Continuation:
        """Start a process, or let the execution queue if there are enough.

        Args:
            execution_id: The execution.
            surroundings: What the process finds.
            log: The execution's log.

        Raises:
            KitaruError: If none can be started; the lease is given up.
        """
        pool = surroundings.pool
        if not self._queue.admit(execution_id, pool, Holder.me()):
            return Continuation(how="queue")
        return self.start(execution_id, surroundings, pool, log=log)

    def start(
        self, execution_id: str, surroundings: Surroundings, pool: str, *, log: Path
    ) -> Continuation:
        """Start a process, for which there is a place in the pool, as the runner.

        Raises:
            KitaruError: If it cannot be started; lease and place are given up.
        """
        try:
            pid = spawning.spawn(execution_id, surroundings, pool=pool, log=log)
        except KitaruError:
            self._queue.not_started(execution_id, Holder.me())
            self._journal.release(execution_id, Holder.me())
            raise
        self._queue.started(execution_id, pool, by=Holder.me(), runner=Holder.of(pid))
        return Continuation(how="process", pid=pid)
