"""What the calls of a run have to know: where they stand, and how they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from agents import Agent, RunConfig

from kitaru.adapters._shared.boundary import Boundary
from kitaru.adapters._shared.places import Places
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.settings import ToolSettings


class Agents(Protocol):
    """Knows the copies of agents that know of checkpoints."""

    def copy_of(self, agent: Agent[Any]) -> Agent[Any]:
        """Return the copy of an agent."""
        ...

    def config(self, given: RunConfig | dict[str, Any] | None, agent: str) -> RunConfig:
        """Return the settings of a run of an agent by that name."""
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


# The agents of a run inside a checkpoint, whose requests are counted there.
_counted: ContextVar[Agents | None] = ContextVar("kitaru_openai_counted", default=None)
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


def counted() -> Agents | None:
    """Return the agents of the run inside a checkpoint that the code belongs to."""
    return _counted.get()


@contextmanager
def counting(team: Agents) -> Iterator[None]:
    """Run a block as part of a run inside a checkpoint."""
    token = _counted.set(team)
    try:
        yield
    finally:
        _counted.reset(token)
