"""What the statuses of ZenML's runs mean, by ZenML's own words for them."""

from __future__ import annotations

from kitaru._core.secrecy import masking
from kitaru.models import ExecutionStatus, FailureOrigin

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

# What somebody who stops a run in ZenML makes of it; on a local stack nothing else happens.
STOPPING = ("stopping", "stopped", "cancelling", "cancelled")


def meaning(word: str) -> ExecutionStatus:
    """Return the status of an execution; any other word means that it runs."""
    return MEANINGS.get(word, ExecutionStatus.RUNNING)


# ZenML's column holds 255 characters.
_REASON_LIMIT = 250


def reason(origin: FailureOrigin | None, message: str) -> str:
    """Return the status reason of a failed run: for people who look in ZenML."""
    text = masking.text(message)
    return f"{(origin or FailureOrigin.UNKNOWN).value}: {text}"[:_REASON_LIMIT]
