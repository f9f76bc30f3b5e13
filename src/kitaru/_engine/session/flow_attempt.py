"""Run a flow body once and say how that ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kitaru._core.calls import failures
from kitaru._core.flows.signals import Cancelled, Killed, Suspended, TakenOver
from kitaru._core.values import codec
from kitaru._core.values.codec import Encoded
from kitaru._engine.port.execution import Ending
from kitaru._engine.session.session import Session
from kitaru.errors import KitaruStateError
from kitaru.models import ExecutionStatus, FailureOrigin

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True


def _as_they_are(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return inputs


def run(
    session: Session,
    inputs: Mapping[str, Any],
    *,
    keep: Callable[[Encoded], None],
    fitted: Callable[[Mapping[str, Any]], Mapping[str, Any]] = _as_they_are,
) -> Ending:
    """Run the body to its end, its next unanswered wait, or its failure.

    Args:
        session: The execution's session.
        inputs: Arguments of the flow by name.
        keep: Stores the return value; the execution is completed once it returned.
        fitted: Makes of the arguments what the flow takes; what it refuses, the flow does.
    """
    try:
        value = session.run(fitted(inputs))
        keep(codec.encode(value, what="the result of the flow"))
    except Suspended as signal:
        # `run()` replaces Ctrl-C during a wait by the suspension it means.
        interrupted = KeyboardInterrupt() if signal.args else None
        return Ending(
            ExecutionStatus.WAITING, error=interrupted, stands_at=signal.waits
        )
    except TakenOver as signal:
        # How it goes is what the other process says.
        return Ending(ExecutionStatus.RUNNING, error=KitaruStateError(str(signal)))
    except Cancelled:
        return Ending(ExecutionStatus.CANCELLED)
    except Killed as signal:
        return Ending(
            ExecutionStatus.FAILED, error=signal, origin=FailureOrigin.RUNTIME
        )
    # Whatever user code raises, Ctrl-C and sys.exit() included, ends the attempt only.
    except BaseException as error:  # noqa: BLE001
        return Ending(
            ExecutionStatus.FAILED, error=error, origin=failures.origin_of(error)
        )
    return Ending(ExecutionStatus.COMPLETED, value=value, has_value=True)
