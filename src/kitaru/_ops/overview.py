"""What needs somebody: open questions, the last failures, and what runs."""

from __future__ import annotations

from kitaru._core.calls import failures
from kitaru._core.waits.terms import foremost
from kitaru._engine.open import current_engine, engine_in_use
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.settings import folders
from kitaru._ops import notices
from kitaru.errors import KitaruBackendError
from kitaru.models import (
    Execution,
    ExecutionStatus,
    FailureInfo,
    Page,
    PendingWait,
    Record,
    Undelivered,
)

_SHOWN = 5


class Overview(Record):
    """The newest executions of each kind, with open wait or failure, and how many.

    Attributes:
        waiting: Those that wait for an answer, each with its open wait.
        failed: The last failures, each with what went wrong.
        running: Those that have a runner.
        undelivered: The notices that no webhook has taken yet, of all executions.
    """

    waiting: Page[Execution]
    failed: Page[Execution]
    running: Page[Execution]
    undelivered: tuple[Undelivered, ...] = ()


_NONE: Page[Execution] = Page(items=(), total=0, page=1, size=_SHOWN)
EMPTY = Overview(waiting=_NONE, failed=_NONE, running=_NONE)


def overview() -> Overview | None:
    """Return what needs somebody, `None` where nothing was ever run.

    Then no store is made, either.
    """
    if engine_in_use() is None and not folders.is_set_up():
        return None
    # In this order: looking finds the dead among the running.
    running = _newest(ExecutionStatus.RUNNING)
    return Overview(
        running=running,
        waiting=_with_waits(_newest(ExecutionStatus.WAITING)),
        failed=_with_failures(_newest(ExecutionStatus.FAILED)),
        undelivered=notices.undelivered(),
    )


def _newest(status: ExecutionStatus) -> Page[Execution]:
    return current_engine().find(ExecutionQuery(status=status, size=_SHOWN))


def _with_waits(page: Page[Execution]) -> Page[Execution]:
    if not page.items:
        return page
    found = current_engine().pending_waits(None)
    waits: dict[str | None, list[PendingWait]] = {}
    for wait in found:
        waits.setdefault(wait.exec_id, []).append(wait)
    return _changed(
        page,
        {
            e.exec_id: {"pending_wait": foremost(waits.get(e.exec_id, ()))}
            for e in page.items
        },
    )


def _with_failures(page: Page[Execution]) -> Page[Execution]:
    return _changed(page, {e.exec_id: {"failure": _failure(e)} for e in page.items})


def _failure(execution: Execution) -> FailureInfo:
    try:
        stored = current_engine().failure(execution.exec_id)
    except KitaruBackendError as error:
        # One that cannot be read hides no other.
        return FailureInfo(message=str(error))
    if stored is not None:
        return failures.describe(stored)
    return FailureInfo(message=execution.status_reason or "for an unknown reason")


def _changed(
    page: Page[Execution], changes: dict[str, dict[str, object]]
) -> Page[Execution]:
    items = tuple(e.model_copy(update=changes[e.exec_id]) for e in page.items)
    return page.model_copy(update={"items": items})
