"""Let an execution go on in another process, which works where this one does."""

from __future__ import annotations

import logging

from kitaru._core.calls import failures
from kitaru._core.flows.facts import LocalFacts
from kitaru._engine.journal.journal import Journal
from kitaru._engine.local.rows import runs
from kitaru._engine.local.rows.store_rows import StoreRows
from kitaru._engine.local.store.ground import Ground
from kitaru._engine.output import log_folders
from kitaru._engine.runners.queue import Queue
from kitaru._engine.runners.spawning import Surroundings
from kitaru._engine.runners.starting import Starter
from kitaru.errors import KitaruBackendError, KitaruError
from kitaru.models import Continuation, FailureOrigin

logger = logging.getLogger(__name__)

PROJECT = "KITARU_PROJECT"
ACTIVE_STACK = "ZENML_ACTIVE_STACK_ID"


def start(
    ground: Ground, journal: Journal, queue: Queue, execution_id: str, facts: LocalFacts
) -> Continuation:
    """Start a process for an execution whose lease is ours, or let it queue for one.

    The stack is that of its run.

    Raises:
        KitaruError: If none can be started; it has failed then, and the lease is gone.
    """
    found = Surroundings.of(facts, {PROJECT: ground.project_id}, ground.store_id)
    try:
        return Starter(journal, queue).start_or_queue(
            execution_id, found, log=log_folders.path_of(execution_id)
        )
    except KitaruError as error:
        failed(ground, journal, execution_id, error)
        raise


def failed(
    ground: Ground, journal: Journal, execution_id: str, error: KitaruError
) -> None:
    """An execution that no process can run has failed; retry works later."""
    failure = failures.without_exception(str(error), FailureOrigin.RUNTIME)
    # First: whoever sees the new status must not see an old failure.
    journal.update_execution(execution_id, failure=failure)
    store = StoreRows(ground)
    try:
        runs.fail(store, execution_id, FailureOrigin.RUNTIME, str(error))
    except KitaruBackendError as refused:
        # Whoever looks next finds that nobody goes on with it.
        logger.warning("%s", refused)
    finally:
        store.close()


def surroundings(ground: Ground) -> dict[str, str]:
    """Return what a process needs to work with the same project and stack."""
    return {PROJECT: ground.project_id, ACTIVE_STACK: ground.stack_id}
