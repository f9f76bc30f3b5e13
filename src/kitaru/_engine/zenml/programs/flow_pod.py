"""What a pod does: the body of an execution that was started on another machine."""

# Not `from __future__ import annotations`: ZenML resolves annotations that are text.
import atexit
from typing import Any
from uuid import UUID

from zenml.models import PipelineRunResponse

from kitaru._engine.port.execution import Ending
from kitaru._engine.zenml.pods.stop_watch import StopWatch
from kitaru._engine.zenml.pods.turns import PodTurns
from kitaru._engine.zenml.runs import entry


def run_flow(flow: str, inputs: Any = None) -> Any:
    """Run the body of a flow inside a ZenML run, and end the run as the body ended."""
    run = entry.current_run()
    # Older versions recorded this name for executions of this machine too.
    body = entry.expected(run) or (lambda: run_body(run))
    return entry.end(run, *body())


def run_body(run: PipelineRunResponse) -> tuple[Ending, UUID | None]:
    """Run the body of an execution and return how it ended."""
    from kitaru._engine.open import use_engine
    from kitaru._engine.zenml.engine import ZenMLEngine

    turns = PodTurns(str(run.id))
    if not turns.take():
        turns.leave()
    # ZenML says how the run ended after this.
    atexit.register(turns.forget)
    engine = ZenMLEngine(synchronous=True)
    with StopWatch(str(run.id)) as watch, use_engine(engine):
        return engine.run_in_pod(run, lambda: watch.stop_requested)
