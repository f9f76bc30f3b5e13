"""What each status allows."""

from __future__ import annotations

from kitaru.errors import KitaruStateError
from kitaru.models import ExecutionStatus as Status


def check_retry(execution_id: str, status: Status) -> None:
    """Refuse to retry anything but a failed execution.

    Raises:
        KitaruStateError: Says why, and what to do instead.
    """
    advice = {
        Status.RUNNING: "it is still running; cancel it first, or wait for it",
        Status.WAITING: f"it waits for an answer; use: kitaru executions input {execution_id}",
        Status.COMPLETED: "it has completed; replay it to run it again",
        Status.CANCELLED: "it was cancelled; replay it, or run the flow again",
    }
    if status in advice:
        raise KitaruStateError(
            f"execution {execution_id} cannot be retried: {advice[status]}"
        )


def check_resume(execution_id: str, status: Status, open_wait: str | None) -> None:
    """Refuse to resume anything but a waiting execution whose wait was answered.

    A completed one is where resuming would take it: that is no error.

    Raises:
        KitaruStateError: Says why, and what to do instead.
    """
    if open_wait is not None:
        raise KitaruStateError(
            f"execution {execution_id} cannot be resumed: wait {open_wait!r} is still "
            f"open; answer it with: kitaru executions input {execution_id}"
        )
    advice = {
        Status.RUNNING: "it is running",
        Status.FAILED: f"it has failed; use: kitaru executions retry {execution_id}",
        Status.CANCELLED: "it was cancelled",
    }
    if status in advice:
        raise KitaruStateError(
            f"execution {execution_id} cannot be resumed: {advice[status]}"
        )


def check_unchanged(execution_id: str, seen: Status, now: Status) -> None:
    """Refuse to let an execution go on that is not any more as somebody saw it.

    Raises:
        KitaruStateError: Says what became of it.
    """
    if now is seen:
        return
    became = {
        Status.RUNNING: "somebody else was faster, and it is running; follow it with: "
        f"kitaru executions logs {execution_id} --follow",
        Status.WAITING: "it has gone on meanwhile, and waits",
        Status.COMPLETED: "it was completed meanwhile",
        Status.FAILED: "it has gone on meanwhile, and failed",
        Status.CANCELLED: "it was cancelled meanwhile",
    }
    raise KitaruStateError(f"execution {execution_id} cannot go on: {became[now]}")


def check_cancel(execution_id: str, status: Status) -> None:
    """Refuse to cancel what has ended.

    Raises:
        KitaruStateError: Names the status it ended with.
    """
    if status.is_finished:
        raise KitaruStateError(
            f"execution {execution_id} cannot be cancelled: it is already {status.value}"
        )
