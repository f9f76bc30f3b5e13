"""Let executions stop before a call, while they live or when they start next."""

from __future__ import annotations

from collections.abc import Sequence

from kitaru._core.calls import breakpoints as rules
from kitaru._core.calls.names import check_name
from kitaru._core.words.similar import did_you_mean
from kitaru._engine.open import current_engine
from kitaru._ops.executions import resolve
from kitaru.errors import (
    KitaruFeatureNotAvailableError,
    KitaruStateError,
    KitaruUsageError,
)
from kitaru.models import Breakpoint, ExecutionStatus

_OVER = (ExecutionStatus.COMPLETED, ExecutionStatus.CANCELLED)


def of_execution(execution_id: str) -> list[Breakpoint]:
    """Return the breakpoints of an execution."""
    full_id = resolve(execution_id)
    known = current_engine().breakpoints.of(full_id)
    return [
        Breakpoint(selector=selector, exec_id=full_id, matched=matched)
        for selector, matched in known.items()
    ]


def of_next_start(flow: str) -> list[Breakpoint]:
    """Return the breakpoints of the next start of a flow."""
    points = current_engine().breakpoints
    return [
        Breakpoint(selector=selector, flow_name=flow)
        for selector in points.of(points.next_of(check_name("flow", flow)))
    ]


def change(
    execution_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> list[Breakpoint]:
    """Set and remove breakpoints of an execution; return those that are set then.

    Args:
        execution_id: Execution id or unique prefix.
        add: Checkpoints (every call of it) and invocation ids (that call).
        remove: Those to take away.

    Raises:
        KitaruStateError: If it has completed or was cancelled.
        KitaruUsageError: If a call has finished already, or none is set to remove.
        KitaruFeatureNotAvailableError: If it runs on a remote stack.
    """
    add, remove = rules.checked(add, "add"), rules.checked(remove, "remove")
    full_id = resolve(execution_id)
    engine = current_engine()
    _check_known(engine.breakpoints.of(full_id), remove, f"execution {full_id}")
    if add:
        _check_can_stop(full_id, add)
    engine.breakpoints.change(full_id, add=add, remove=remove)
    return of_execution(full_id)


def change_next(
    flow: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> list[Breakpoint]:
    """Do the same for the next start of a flow, whoever makes it on this machine."""
    add, remove = rules.checked(add, "add"), rules.checked(remove, "remove")
    points = current_engine().breakpoints
    target = points.next_of(check_name("flow", flow))
    _check_known(points.of(target), remove, f"the next start of {flow!r}")
    points.change(target, add=add, remove=remove)
    return of_next_start(flow)


def _check_known(known: dict[str, bool], remove: Sequence[str], whose: str) -> None:
    for selector in remove:
        if selector not in known:
            those = ", ".join(known) or "none"
            raise KitaruUsageError(
                f"{whose} has no breakpoint {selector!r}"
                f"{did_you_mean(selector, list(known))} (set: {those})"
            )


def _check_can_stop(execution_id: str, selectors: Sequence[str]) -> None:
    engine = current_engine()
    execution = engine.get(execution_id)
    if execution.status in _OVER:
        raise KitaruStateError(
            f"execution {execution_id} is {execution.status.value} and comes to no call "
            "any more; set the breakpoint for a replay of it, or for the next start of "
            f"{execution.flow_name!r}"
        )
    if not engine.runs_here(execution_id):
        raise KitaruFeatureNotAvailableError(
            f"execution {execution_id} runs on stack {execution.stack_name!r}: breakpoints "
            "are for executions on local stacks"
        )
    finished = {
        call.invocation_id
        for call in execution.checkpoints
        if call.status == "completed" and call.invocation_id != call.name
    }
    for selector in selectors:
        if selector in finished:
            raise KitaruUsageError(
                f"call {selector!r} of execution {execution_id} has finished and is not "
                f"run again; to stop before it, replay from it with a breakpoint"
            )
