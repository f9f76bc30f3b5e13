"""Say where things are."""

from __future__ import annotations

from typing import Any

from kitaru._engine.open import current_engine
from kitaru._engine.port import ExecutionQuery
from kitaru.models import ExecutionStatus
from kitaru.version import __version__


def status() -> dict[str, Any]:
    """Return connection, stack, versions, paths, and how many executions need somebody."""
    engine = current_engine()
    counts = {
        state.value: engine.find(ExecutionQuery(status=state, size=1)).total
        for state in (ExecutionStatus.RUNNING, ExecutionStatus.WAITING)
    }
    return {"kitaru_version": __version__, **engine.describe(), **counts}
