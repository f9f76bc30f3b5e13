"""What the statuses of ZenML's runs mean, by ZenML's own words for them."""

from __future__ import annotations

from kitaru.models import ExecutionStatus

MEANINGS = {
    "completed": ExecutionStatus.COMPLETED,
    "cached": ExecutionStatus.COMPLETED,
    "skipped": ExecutionStatus.COMPLETED,
    "failed": ExecutionStatus.FAILED,
    "paused": ExecutionStatus.WAITING,
    "stopped": ExecutionStatus.CANCELLED,
    "stopping": ExecutionStatus.CANCELLED,
    "cancelled": ExecutionStatus.CANCELLED,
    "cancelling": ExecutionStatus.CANCELLED,
}


def meaning(word: str) -> ExecutionStatus:
    """Return the status of an execution; any other word means that it runs."""
    return MEANINGS.get(word, ExecutionStatus.RUNNING)
