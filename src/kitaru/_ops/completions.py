"""What a shell can complete, without opening the store: that would take too long."""

from __future__ import annotations

from kitaru._core.words.wording import short
from kitaru._engine.journal import health
from kitaru._engine.settings import folders


def execution_ids(beginning: str) -> list[tuple[str, str]]:
    """Return short ids of executions on this machine, each with its flow."""
    found = health.journal_executions(folders.journal_path(), beginning)
    return [(short(execution_id), flow) for execution_id, flow in found]
