"""A watchman in the local server: it sees who is forgotten, and calls for help.

Its look is one query of the server's own store and one of the journal. What needs more
than a look is done by a process of its own, so that nothing of it slows or ends the
server.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Set
from pathlib import Path

from sqlmodel import Session, col, exists, select
from zenml.enums import ExecutionStatus as RunStatus
from zenml.enums import RunWaitConditionStatus
from zenml.zen_server.utils import zen_store
from zenml.zen_stores.schemas import (
    PipelineRunSchema,
    RunWaitConditionSchema,
    TagResourceSchema,
    TagSchema,
)

from kitaru import _recorded_names as recorded_names
from kitaru._engine.journal import due
from kitaru._engine.journal.journal import Journal
from kitaru._engine.runners.queue import Queue
from kitaru._engine.zenml.connection.local_server import (
    FOLDER_VARIABLE,
    client_environment,
)
from kitaru._engine.zenml.runs import runs

logger = logging.getLogger("kitaru.watchman")

_LOOK_EVERY = 2.0
# Whom nobody can help is not looked after again and again.
_AGAIN_AFTER = 30.0
_LONGEST = 600.0
_HELP_SECONDS = 300.0
_MOST = 1000


class Watchman:
    """Looks every few seconds; calls for help when somebody new is forgotten.

    Args:
        look: Returns the executions that nobody goes on with.
        help_: Puts right what can be put right.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        look: Callable[[], Set[str]],
        help_: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._help = help_
        self._clock = clock
        self._helpless: Set[str] = frozenset()
        self._patience = _AGAIN_AFTER
        self._again_at = 0.0

    def pass_by(self) -> bool:
        """Look once; return whether help was called."""
        found = self._look()
        is_new = not found <= self._helpless
        if not found or not (is_new or self._clock() >= self._again_at):
            return False
        self._patience = _AGAIN_AFTER if is_new else min(self._patience * 2, _LONGEST)
        self._help()
        self._helpless = found
        self._again_at = self._clock() + self._patience
        return True

    def stay(self) -> None:
        """Look for ever."""
        while True:
            try:
                self.pass_by()
            # A store that is locked, or not open yet: the server must not notice.
            except Exception as error:
                logger.debug("%s", error, exc_info=True)
            time.sleep(_LOOK_EVERY)


def start() -> None:
    """Let a watchman look after the executions of the folder that is served."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        return
    journal = Journal(Path(folder) / "kitaru" / "journal.db")
    watchman = Watchman(lambda: forgotten(journal), lambda: _call_for_help(folder))
    threading.Thread(target=watchman.stay, name="kitaru-watchman", daemon=True).start()


def forgotten(journal: Journal) -> Set[str]:
    """Return what nobody sees to.

    That is executions that are answered, or run, and have no living runner, and times of
    schedules that have come.
    """
    leases = journal.leases()
    living = {lease.execution_id for lease in leases if lease.is_live}
    over = {one.execution_id for one in due.until(journal, due.now())}
    found = (_answered() | over | {lease.execution_id for lease in leases}) - living
    queue = Queue(journal)
    # Who queues gets on, unless nobody is left to take it.
    waiting = {one for one in found if not queue.holds(one)}
    return waiting | set(queue.stranded()) | _to_start(journal)


def _to_start(journal: Journal) -> Set[str]:
    """Return what schedules are due, each time of one by a name of its own."""
    found = due.until(journal, due.now(), kind=due.SCHEDULE)
    return {f"{one.due_id}@{one.at.isoformat()}" for one in found}


def _answered() -> Set[str]:
    """Return paused executions without an open wait."""
    run, wait = PipelineRunSchema, RunWaitConditionSchema
    waits_of = select(wait.id).where(col(wait.run_id) == col(run.id))
    tagged = (
        select(TagResourceSchema.id)
        .join(TagSchema, col(TagSchema.id) == col(TagResourceSchema.tag_id))
        .where(col(TagResourceSchema.resource_id) == col(run.id))
        .where(col(TagSchema.name) == runs.TAG)
    )
    pending = waits_of.where(col(wait.status) == RunWaitConditionStatus.PENDING.value)
    wanted = (
        select(run.id)
        .where(col(run.status) == RunStatus.PAUSED.value)
        .where(exists(waits_of), ~exists(pending), exists(tagged))
        .limit(_MOST)
    )
    with Session(zen_store().engine) as session:
        return {str(found) for found in session.exec(wanted)}


def _call_for_help(folder: str) -> None:
    try:
        # Its output goes where ours goes: to the log of the server.
        subprocess.run(
            [sys.executable, "-P", "-m", recorded_names.RECONCILE_ONCE],
            env=client_environment(folder),
            stdin=subprocess.DEVNULL,
            timeout=_HELP_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("what nobody goes on with was not put right: %s", error)
