"""Agents that run inside tools and guardrails of another agent's run.

`Agent.as_tool` and `Runner.run` go through the SDK's default runner. Ours looks where it
is called: in a durable run the agent becomes a durable one too, with ids below those of
the tool call; anywhere else it steps aside.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from agents import Agent, RunState
from agents.run import (
    AgentRunner,
    get_default_agent_runner,
    set_default_agent_runner,
)

from kitaru.adapters._shared import boundary, identity, runs
from kitaru.adapters._shared.boundary import Place
from kitaru.adapters._shared.places import Places
from kitaru.adapters.openai_agents.context import Frame, entered, frame
from kitaru.adapters.openai_agents.models import durable_config

_installing = threading.Lock()


class _Runner(AgentRunner):
    """The SDK's runner, which knows durable runs."""

    def __init__(self, inner: AgentRunner) -> None:
        self._inner = inner

    async def run(self, starting_agent: Agent[Any], input: Any, **options: Any) -> Any:
        here = frame()
        if (
            here is None
            or boundary.place() is not Place.FLOW
            or here.team.original(starting_agent) is not starting_agent
        ):
            return await self._inner.run(starting_agent, input, **options)
        return await self._nested(here, starting_agent, input, options)

    def run_sync(self, starting_agent: Agent[Any], input: Any, **options: Any) -> Any:
        return self._inner.run_sync(starting_agent, input, **options)

    def run_streamed(
        self, starting_agent: Agent[Any], input: Any, **options: Any
    ) -> Any:
        return self._inner.run_streamed(starting_agent, input, **options)

    async def _nested(
        self, here: Frame, agent: Agent[Any], input: Any, options: dict[str, Any]
    ) -> Any:
        call = runs.current_tool_call()
        key = f"{call.id if call else here.places.run.id}/{agent.name}"
        durable = here.team.durable(agent)
        config = durable_config(options.get("run_config"), identity.clean(agent.name))
        options = {**options, "run_config": config}
        if isinstance(input, RunState) and key in here.nested:
            # Resumed after an approval: the same run goes on.
            with entered(replace(here, places=here.nested[key])):
                return await self._inner.run(durable, input, **options)
        activity = runs.activity()
        assert activity is not None  # there is a flow here
        with activity.run(agent.name) as run:
            places = here.nested[key] = Places(run)
            with entered(replace(here, places=places)):
                return await self._inner.run(durable, input, **options)


def install() -> None:
    """Let the SDK's default runner know durable runs."""
    with _installing:
        current = get_default_agent_runner()
        if not isinstance(current, _Runner):
            set_default_agent_runner(_Runner(current))
