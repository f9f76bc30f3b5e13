"""What the calls of a run have to know: where they stand, and how they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from kitaru.adapters._shared.boundary import Boundary
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.runs import Run
from kitaru.adapters._shared.settings import ToolSettings
from kitaru.adapters.langgraph.tracks import Tracks


@dataclass(frozen=True)
class Frame:
    """One run of a graph in a flow, and the settings of the runner it belongs to.

    `prefix` and `within` are of the innermost thing that gives names to calls: the run,
    or a tool call with an agent in it; `within` is its namespace in the graph.
    """

    run: Run
    boundary: Boundary
    capture: CapturePolicy
    tools: ToolSettings
    tracks: Tracks
    prefix: str
    within: str = ""

    def inside(self, call_id: str, namespace: str) -> Frame:
        """Return the frame of what runs inside a tool call."""
        return replace(self, prefix=f"{call_id}/", within=namespace)


_frame: ContextVar[Frame | None] = ContextVar("kitaru_langgraph_frame", default=None)


def frame() -> Frame | None:
    """Return the run that the code belongs to."""
    return _frame.get()


@contextmanager
def entered(here: Frame) -> Iterator[None]:
    """Run a block as part of a run."""
    token = _frame.set(here)
    try:
        yield
    finally:
        _frame.reset(token)
