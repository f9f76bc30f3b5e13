"""What a shell can complete, without opening the store: that would take too long."""

from __future__ import annotations

from kitaru._core.wording import short
from kitaru._engine import database_health
from kitaru._engine.zenml import environment


def execution_ids(beginning: str) -> list[tuple[str, str]]:
    """Return short ids of executions on this machine, each with its flow."""
    found = database_health.journal_executions(environment.journal_path(), beginning)
    return [(short(execution_id), flow) for execution_id, flow in found]
