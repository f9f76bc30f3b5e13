"""Retry or cancel many executions with one action."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from kitaru._engine.open import current_engine
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._ops import executions
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.models import Execution, ExecutionStatus, FleetChange

Action = Literal["retry", "cancel"]
# Which can be meant, where nobody says a status.
_MEANT: dict[Action, tuple[ExecutionStatus, ...]] = {
    "retry": (ExecutionStatus.FAILED,),
    "cancel": (ExecutionStatus.RUNNING, ExecutionStatus.WAITING),
}
_PAGE = 100


def plan(action: Action, **wanted: Any) -> list[FleetChange]:
    """Return what would be done to which executions, oldest first; nothing is done.

    Args:
        action: `retry` or `cancel`.
        wanted: Which executions: the filters of `executions.find`. Of those, only such
            as the action is for.

    Raises:
        KitaruUsageError: For a filter that means nothing, or a status the action is not
            for.
    """
    query = executions.query(**wanted)
    meant = _MEANT[action]
    if query.status is not None and query.status not in meant:
        raise KitaruUsageError(
            f"{action} is for {' and '.join(meant)} executions, not for "
            f"{query.status} ones"
        )
    found: dict[str, Execution] = {}
    for status in meant if query.status is None else (query.status,):
        for execution in every(replace(query, status=status, size=_PAGE)):
            found[execution.exec_id] = execution
    oldest_first = sorted(found.values(), key=begun)
    return [
        FleetChange(
            exec_id=one.exec_id,
            flow_name=one.flow_name,
            status=one.status.value,
            action=action,
        )
        for one in oldest_first
    ]


def carry_out(
    planned: Sequence[FleetChange],
    *,
    surface: str,
    check: Callable[[str], object] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[FleetChange]:
    """Do what was planned; what one execution refuses does not stop the others.

    Args:
        planned: From `plan`.
        surface: What the person used.
        check: Raises for an execution that may not be touched.
        progress: Told how many of how many are done.
    """
    done = []
    for number, change in enumerate(planned, 1):
        done.append(_carried_out(change, surface, check))
        if progress is not None:
            progress(number, len(planned))
    return done


def _carried_out(
    change: FleetChange, surface: str, check: Callable[[str], object] | None
) -> FleetChange:
    try:
        if check is not None:
            check(change.exec_id)
        if change.action == "retry":
            executions.retry(change.exec_id)
        else:
            executions.cancel(change.exec_id, surface=surface)
    except KitaruError as error:
        refused = {"outcome": "refused", "reason": str(error)}
        return change.model_copy(update=refused)
    return change.model_copy(update={"outcome": "done"})


def every(query: ExecutionQuery) -> Iterator[Execution]:
    """Yield all executions that a query asks for; what begins meanwhile is left out."""
    page = 1
    while True:
        found = current_engine().find(replace(query, page=page))
        yield from found.items
        if page * query.size >= found.total:
            return
        page += 1


def begun(execution: Execution) -> float:
    """Return when an execution began, to sort by."""
    return execution.started_at.timestamp() if execution.started_at else 0.0
