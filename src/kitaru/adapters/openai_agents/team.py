"""Copies of the agents of a run, durable or counted; the user's own stay as they are."""

from __future__ import annotations

import copy
from typing import Any

from agents import Agent, Handoff, Model, RunConfig
from agents.run_context import RunContextWrapper

from kitaru.adapters._shared import identity
from kitaru.adapters.openai_agents import tools
from kitaru.adapters.openai_agents.models import (
    CountedModel,
    DurableModel,
    Wrap,
    config_with,
)


class Team:
    """The agents of one run, each in a copy that knows of checkpoints.

    Run items hold their agents by weak references, so a result keeps its team.

    Args:
        is_durable: Whether requests and tool calls are checkpoints, or the requests are
            only counted on the checkpoint that is open.
    """

    def __init__(self, *, is_durable: bool) -> None:
        self._is_durable = is_durable
        self._wrap: Wrap = DurableModel if is_durable else CountedModel
        self._copies: dict[int, tuple[Agent[Any], Agent[Any]]] = {}
        self._originals: dict[int, Agent[Any]] = {}

    def copy_of(self, agent: Agent[Any]) -> Agent[Any]:
        """Return the copy of an agent, the same each time."""
        if id(agent) in self._originals:
            return agent
        if id(agent) in self._copies:
            return self._copies[id(agent)][1]
        new = copy.copy(agent)
        if self._is_durable:
            new.__class__ = _durable_class(type(agent))
        # Before those that it knows, which may know it.
        self._copies[id(agent)] = (agent, new)
        self._originals[id(new)] = agent
        if isinstance(agent.model, Model):
            new.model = self._wrap(agent.model, identity.clean(agent.name))
        new.handoffs = [self._handoff(target) for target in agent.handoffs]
        if not self._is_durable:
            new.tools = [self._tool(tool) for tool in agent.tools]
        return new

    def original(self, agent: Agent[Any]) -> Agent[Any]:
        """Return the user's own agent."""
        return self._originals.get(id(agent), agent)

    def config(self, given: RunConfig | dict[str, Any] | None, agent: str) -> RunConfig:
        """Return the settings of a run of an agent with models as its team has them."""
        return config_with(self._wrap, given, identity.clean(agent))

    def _tool(self, tool: Any) -> Any:
        """Return a tool; where it is an agent, a stored state goes on with its copy."""
        agent = getattr(tool, "_agent_instance", None)
        if agent is None:
            return tool
        new = copy.copy(tool)
        new._agent_instance = self.copy_of(agent)
        return new

    def _handoff(self, target: Agent[Any] | Handoff[Any, Any]) -> Any:
        if isinstance(target, Agent):
            return self.copy_of(target)
        new = copy.copy(target)
        invoke = target.on_invoke_handoff

        async def hand_over(context: RunContextWrapper[Any], arguments: str) -> Any:
            return self.copy_of(await invoke(context, arguments))

        new.on_invoke_handoff = hand_over
        return new


_durable_classes: dict[type, type] = {}


def _durable_class(kind: type[Agent[Any]]) -> type[Agent[Any]]:
    """Return a class of agents whose tools are durable, those of MCP servers as well.

    A direct subclass: an agent's class can only be changed to one of the same layout.
    """

    async def get_all_tools(self: Any, run_context: RunContextWrapper[Any]) -> Any:
        found = await kind.get_all_tools(self, run_context)
        return [tools.durable(tool, identity.clean(self.name)) for tool in found]

    if kind not in _durable_classes:
        members = {"get_all_tools": get_all_tools}
        _durable_classes[kind] = type(f"Durable{kind.__name__}", (kind,), members)
    return _durable_classes[kind]
