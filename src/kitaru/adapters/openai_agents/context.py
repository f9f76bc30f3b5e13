"""What the calls of a run have to know: where they stand, and how they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from agents import Agent

from kitaru.adapters._shared.boundary import Boundary
from kitaru.adapters._shared.places import Places
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.settings import ToolSettings


class Agents(Protocol):
    """Knows the durable copies of agents."""

    def durable(self, agent: Agent[Any]) -> Agent[Any]:
        """Return the durable copy of an agent."""
        ...

    def original(self, agent: Agent[Any]) -> Agent[Any]:
        """Return the user's own agent."""
        ...


@dataclass(frozen=True)
class Frame:
    """One run of an agent in a flow, and the settings of the runner it belongs to."""

    places: Places
    boundary: Boundary
    capture: CapturePolicy
    tools: ToolSettings
    team: Agents
    # Runs of agents inside tools, by where they are: an approval may resume them.
    nested: dict[str, Places] = field(default_factory=dict)


_frame: ContextVar[Frame | None] = ContextVar("kitaru_openai_frame", default=None)


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
