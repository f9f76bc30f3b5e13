"""What the statuses of ZenML's runs mean."""

from __future__ import annotations

from datetime import UTC, datetime

from zenml.enums import ExecutionStatus as RunStatus
from zenml.models import PipelineRunResponse

from kitaru._core.flows import run_statuses
from kitaru.models import ExecutionStatus


def status_of(run: PipelineRunResponse) -> ExecutionStatus:
    """Return the status of an execution."""
    return run_statuses.meaning(run.status.value)


def shown_as(run: PipelineRunResponse, status: RunStatus) -> PipelineRunResponse:
    """Return a run as it would be with another status, which the store does not have."""
    body = run.get_body().model_copy(update={"status": status, "status_reason": None})
    return run.model_copy(update={"body": body})


def words(status: ExecutionStatus) -> list[str]:
    """Return the ZenML statuses that mean `status`."""
    return [s.value for s in RunStatus if run_statuses.meaning(s.value) is status]


def utc(moment: datetime | None) -> datetime | None:
    """Return a moment with its timezone; ZenML's are naive UTC."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def reason_of(run: PipelineRunResponse) -> str | None:
    """Return what ZenML shows as the reason of a run's status."""
    text: str | None = run.get_body().status_reason
    return text
