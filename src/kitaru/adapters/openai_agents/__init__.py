"""OpenAI agents whose model requests and tool calls are checkpoints.

Example:
    >>> from agents import Agent
    >>> from agents.testing import ScriptedModel, assistant_message
    >>> from kitaru import flow
    >>> from kitaru.adapters.openai_agents import KitaruRunner
    >>> model = ScriptedModel([[assistant_message("cats purr")]])
    >>> researcher = KitaruRunner(Agent(name="researcher", model=model))
    >>> @flow
    ... def research(topic: str) -> str:
    ...     return researcher.run_sync(topic).output
"""

from __future__ import annotations

from kitaru.adapters._shared import extras as _extras

for _module, _names in {
    "agents": ("Runner", "RunState", "ToolExecutionConfig"),
    "agents.tool": ("ToolOriginType", "_FailureHandlingFunctionToolInvoker"),
    "agents.run": ("AgentRunner", "set_default_agent_runner"),
}.items():
    _extras.require(
        _module,
        names=_names,
        distribution="openai-agents",
        needed=">=0.22,<1",
        extra="openai-agents",
        adapter=__name__,
    )

# Only after the check, whose message says what to do.
# ruff: noqa: E402
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters.openai_agents.approvals import (
    build_resume_request,
    wait_for_approval,
)
from kitaru.adapters.openai_agents.results import (
    OpenAIRunRequest,
    OpenAIRunResult,
    PendingApproval,
)
from kitaru.adapters.openai_agents.runner import KitaruRunner
from kitaru.adapters.openai_agents.streams import OpenAIRunStream

__all__ = [
    "CapturePolicy",
    "KitaruRunner",
    "OpenAIRunRequest",
    "OpenAIRunResult",
    "OpenAIRunStream",
    "PendingApproval",
    "build_resume_request",
    "wait_for_approval",
]
