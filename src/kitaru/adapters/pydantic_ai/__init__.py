"""PydanticAI agents whose model requests and tool calls are checkpoints.

Example:
    >>> from kitaru import flow
    >>> from kitaru.adapters.pydantic_ai import KitaruAgent
    >>> from pydantic_ai import Agent
    >>> from pydantic_ai.models.test import TestModel
    >>> researcher = KitaruAgent(Agent(TestModel()), name="researcher")
    >>> @flow
    ... def research(topic: str) -> str:
    ...     return researcher.run_sync(topic).output
"""

from __future__ import annotations

from kitaru.adapters._shared import extras as _extras

_extras.require(
    "pydantic_ai.durable_exec",
    # What came last: older versions have agents, but not this way into them.
    names=("BaseDurabilityCapability", "JSON_CODEC", "WorkspaceCallResult"),
    distribution="pydantic-ai-slim",
    needed=">=2.66,<3",
    extra="pydantic-ai",
    adapter=__name__,
)

# Only after the check, whose message says what to do.
# ruff: noqa: E402
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters.pydantic_ai.intercept import KitaruDurability
from kitaru.adapters.pydantic_ai.questions import hitl_tool, wait_for_input
from kitaru.adapters.pydantic_ai.runner import KitaruAgent, wrap

__all__ = [
    "CapturePolicy",
    "KitaruAgent",
    "KitaruDurability",
    "hitl_tool",
    "wait_for_input",
    "wrap",
]
