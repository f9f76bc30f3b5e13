"""Sub-agents of `deepagents`, which run inside its tool `task`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from langgraph.pregel import Pregel

from kitaru.adapters.langgraph.marks import is_marked

_MODULE = "deepagents."


def is_team(tool: Any, arguments: Mapping[str, Any]) -> bool:
    """Whether a tool runs a sub-agent whose own calls are checkpoints.

    Only then is the tool none: without the middleware in the sub-agent, what it does
    would be recorded nowhere.
    """
    function: Any = getattr(tool, "func", None)
    if not str(getattr(function, "__module__", "")).startswith(_MODULE):
        return False
    agents = inspect.getclosurevars(function).nonlocals.get("subagent_graphs")
    if not isinstance(agents, Mapping):
        return False
    agent: Any = agents.get(arguments.get("subagent_type"))
    while not isinstance(agent, Pregel) and hasattr(agent, "bound"):
        agent = agent.bound
    return isinstance(agent, Pregel) and is_marked(agent)
