"""Let an execution go on in another process, which works where this one does."""

from __future__ import annotations

from kitaru._core.flows.facts import LocalFacts
from kitaru._engine.journal.journal import Journal
from kitaru._engine.local.store.ground import Ground
from kitaru._engine.output import log_folders
from kitaru._engine.runners.queue import Queue
from kitaru._engine.runners.spawning import Surroundings
from kitaru._engine.runners.starting import Starter
from kitaru.models import Continuation

PROJECT = "KITARU_PROJECT"
ACTIVE_STACK = "ZENML_ACTIVE_STACK_ID"


def start(
    ground: Ground, journal: Journal, queue: Queue, execution_id: str, facts: LocalFacts
) -> Continuation:
    """Start a process for an execution whose lease is ours, or let it queue for one.

    The stack is that of its run.

    Raises:
        KitaruError: If none can be started; the lease is given up.
    """
    found = Surroundings.of(facts, {PROJECT: ground.project_id}, ground.store_id)
    return Starter(journal, queue).start_or_queue(
        execution_id, found, log=log_folders.path_of(execution_id)
    )


def surroundings(ground: Ground) -> dict[str, str]:
    """Return what a process needs to work with the same project and stack."""
    return {PROJECT: ground.project_id, ACTIVE_STACK: ground.stack_id}
