"""Wait for an execution, without asking for it all the time."""

from __future__ import annotations

import time
from collections.abc import Callable

from kitaru._core.waits import hints
from kitaru._core.waits.terms import foremost
from kitaru._core.words.wording import moment
from kitaru._engine.open import current_engine
from kitaru.models import Execution, ExecutionStatus

_FIRST_PAUSE, _LONGEST_PAUSE, _LONGER = 0.1, 1.0, 1.05


def until_settled(
    execution_id: str,
    is_settled: Callable[[Execution], bool],
    *,
    within: float | None = None,
    progress: Callable[[Execution, float], None] | None = None,
) -> Execution:
    """Return the execution once it is settled, or as it is when time is up.

    Args:
        execution_id: Its whole id.
        is_settled: Whether there is nothing to wait for any more.
        within: Seconds to wait at most; no limit by default.
        progress: Told the execution and the seconds that passed, after each look.
    """
    begun, pause = time.monotonic(), _FIRST_PAUSE
    while True:
        looked = time.monotonic()
        execution = current_engine().get(execution_id)
        now = time.monotonic()
        left = None if within is None else begun + within - now
        if is_settled(execution) or (left is not None and left <= 0):
            return execution
        if progress is not None:
            progress(execution, now - begun)
        # A long execution takes a while to read; looking must not be all we do.
        rest = max(pause, now - looked)
        time.sleep(rest if left is None else min(rest, left))
        # What takes long may be seen a little later; a server is asked less often.
        pause = min(pause * _LONGER, _LONGEST_PAUSE)


def has_ended(execution: Execution) -> bool:
    """Whether it has ended."""
    return execution.status.is_finished


def does_not_run(execution: Execution) -> bool:
    """Whether it has ended, or waits: for an answer, or for whoever goes on with it."""
    return execution.status is not ExecutionStatus.RUNNING


def needs_someone(execution: Execution) -> bool:
    """Whether it has ended, or waits for an answer; once answered it goes on."""
    if execution.status is ExecutionStatus.WAITING:
        return execution.pending_wait is not None
    return execution.status is not ExecutionStatus.RUNNING


def why_no_result(execution: Execution) -> str:
    """Return why an execution has no result, and what to do about it."""
    if execution.status is ExecutionStatus.WAITING and execution.pending_wait:
        wait = foremost(execution.pending_waits) or execution.pending_wait
        if wait.kind == "timer":
            return (
                f"execution {execution.exec_id} sleeps until {moment(wait.expires_at)}"
            )
        if wait.kind == "breakpoint":
            return (
                f"execution {execution.exec_id} stopped at {wait.name!r} - go on with: "
                f"kitaru executions input {execution.exec_id[:8]} --continue"
            )
        question = f": {wait.question}" if wait.question else ""
        return (
            f"execution {execution.exec_id} is waiting for {wait.name!r}{question} - "
            "answer with: kitaru executions input "
            f"{execution.exec_id[:8]}{hints.hint(wait.schema)}"
        )
    if execution.status is ExecutionStatus.WAITING:
        return f"execution {execution.exec_id} is waiting for its runner to go on"
    return (
        f"execution {execution.exec_id} has no result: it is {execution.status.value}"
    )
