from __future__ import annotations

import pytest

from kitaru._core.calls import statuses
from kitaru.errors import KitaruStateError
from kitaru.models import ExecutionStatus as Status


def test_only_a_failed_execution_is_retried() -> None:
    statuses.check_retry("ex", Status.FAILED)


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        pytest.param(Status.RUNNING, "still running; cancel it", id="running"),
        pytest.param(Status.WAITING, "kitaru executions input ex", id="waiting"),
        pytest.param(Status.COMPLETED, "replay it", id="completed"),
        pytest.param(Status.CANCELLED, "replay it, or run", id="cancelled"),
    ],
)
def test_a_refused_retry_says_what_to_do_instead(status: Status, advice: str) -> None:
    with pytest.raises(KitaruStateError, match=rf"ex cannot be retried: .*{advice}"):
        statuses.check_retry("ex", status)


@pytest.mark.parametrize("status", [Status.WAITING, Status.COMPLETED])
def test_what_was_answered_can_be_resumed_and_what_has_completed_is_no_error(
    status: Status,
) -> None:
    statuses.check_resume("ex", status, open_wait=None)


@pytest.mark.parametrize("status", list(Status))
def test_an_open_wait_keeps_from_resuming(status: Status) -> None:
    with pytest.raises(
        KitaruStateError, match=r"wait 'approve' is still open.*executions input ex"
    ):
        statuses.check_resume("ex", status, open_wait="approve")


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        pytest.param(Status.RUNNING, "it is running", id="running"),
        pytest.param(Status.FAILED, "kitaru executions retry ex", id="failed"),
        pytest.param(Status.CANCELLED, "it was cancelled", id="cancelled"),
    ],
)
def test_a_refused_resume_says_why(status: Status, advice: str) -> None:
    with pytest.raises(KitaruStateError, match=rf"ex cannot be resumed: .*{advice}"):
        statuses.check_resume("ex", status, open_wait=None)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.WAITING])
def test_what_has_not_ended_can_be_cancelled(status: Status) -> None:
    statuses.check_cancel("ex", status)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_what_has_ended_cannot_be_cancelled(status: Status) -> None:
    with pytest.raises(KitaruStateError, match=f"it is already {status.value}"):
        statuses.check_cancel("ex", status)
