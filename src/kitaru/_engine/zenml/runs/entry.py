"""The one function every flow's pipeline runs, and what it finds there.

One generic entry instead of a pipeline source per flow: flows may be plain objects,
may be defined in a REPL, and their modules are loaded by our own rules.
"""

# Not `from __future__ import annotations`: ZenML resolves annotations that are text, with
# a pydantic model for each, for every run.
import threading
import traceback
from collections.abc import Callable
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus
from zenml.execution.pipeline.dynamic.run_context import DynamicPipelineRunContext
from zenml.execution.pipeline.dynamic.runner import RunPaused, _WaitConditionAborted
from zenml.models import PipelineRunResponse, PipelineRunUpdate

from kitaru._core.calls import failures
from kitaru._core.flows.run_statuses import reason
from kitaru._core.secrecy import masking
from kitaru._engine.port.execution import Ending
from kitaru.models import ExecutionStatus

Body = Callable[[], tuple[Ending, UUID | None]]
_bodies: dict[str, Body] = {}
_lock = threading.Lock()


def expect(execution_id: str, body: Body) -> None:
    """Say what to do when ZenML runs that execution in this process."""
    with _lock:
        _bodies[execution_id] = body


# `Any`, not the artifact version that it returns: ZenML would compute the JSON schema of
# that class, which is large, and keep it with every run.
def run_flow(flow: str, inputs: Any = None) -> Any:
    """Run the body of a flow inside a ZenML run, and end the run as the body ended."""
    run = current_run()
    body = expected(run)
    assert body is not None  # a pod's run has another entry
    return end(run, *body())


def current_run() -> PipelineRunResponse:
    """Return the run that ZenML's runner is in."""
    context = DynamicPipelineRunContext.get()
    assert context is not None  # ZenML's runner calls this
    return context.run


def expected(run: PipelineRunResponse) -> Body | None:
    """Return the body that this process waits to run, if it does."""
    with _lock:
        return _bodies.pop(str(run.id), None)


def end(run: PipelineRunResponse, ending: Ending, result: UUID | None) -> Any:
    """End a run as its body ended: return or raise what tells ZenML's runner so."""
    if ending.status is ExecutionStatus.COMPLETED:
        if result is None:
            # It is in the journal alone.
            return None
        return Client().zen_store.get_artifact_version(result)
    if ending.status is ExecutionStatus.WAITING:
        raise RunPaused
    if ending.status is ExecutionStatus.CANCELLED:
        _publish(run.id, RunStatus.STOPPED, "Cancelled.")
        raise _WaitConditionAborted("cancelled")
    if ending.status is ExecutionStatus.RUNNING:
        # Another process has the run; this one leaves it as it is.
        raise _WaitConditionAborted("taken over")
    error = ending.error or RuntimeError("the flow failed")
    _publish(
        run.id, RunStatus.FAILED, reason(ending.origin, failures.message_of(error))
    )
    kept = _for_zenml(error)
    if kept is error:
        raise error
    raise kept from None


def _for_zenml(error: BaseException) -> BaseException:
    """Return the error, or one without the secrets that it quotes: ZenML keeps it."""
    shown = "".join(traceback.format_exception(error))
    masked = masking.text(shown)
    return error if masked == shown else RuntimeError(masked)


def _publish(run_id: UUID, status: RunStatus, text: str) -> None:
    Client().zen_store.update_run(
        run_id, PipelineRunUpdate(status=status, status_reason=text)
    )
