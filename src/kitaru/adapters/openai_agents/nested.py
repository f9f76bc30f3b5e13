"""Agents that run inside tools and guardrails of another agent's run.

`Agent.as_tool` and `Runner.run` go through the SDK's default runner. Ours looks where it
is called: in a durable run the agent becomes a durable one too, with ids below those of
the tool call; anywhere else it steps aside.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from agents import Agent, RunState
from agents.run import (
    AgentRunner,
    get_default_agent_runner,
    set_default_agent_runner,
)

from kitaru.adapters._shared import boundary, runs
from kitaru.adapters._shared.boundary import Place
from kitaru.adapters._shared.places import Places
from kitaru.adapters.openai_agents.context import (
    Agents,
    Frame,
    counted,
    entered,
    frame,
)
from kitaru.adapters.openai_agents.tools import Refused

_installing = threading.Lock()


class _Runner(AgentRunner):
    """The SDK's runner, which knows durable runs."""

    def __init__(self, inner: AgentRunner) -> None:
        self._inner = inner

    async def run(self, starting_agent: Agent[Any], input: Any, **options: Any) -> Any:
        with _standing(starting_agent, input, options) as (agent, rest):
            return await self._inner.run(agent, input, **rest)

    def run_sync(self, starting_agent: Agent[Any], input: Any, **options: Any) -> Any:
        with _standing(starting_agent, input, options) as (agent, rest):
            return self._inner.run_sync(agent, input, **rest)

    def run_streamed(
        self, starting_agent: Agent[Any], input: Any, **options: Any
    ) -> Any:
        # The SDK's task takes along where it was started.
        with _standing(starting_agent, input, options) as (agent, rest):
            return self._inner.run_streamed(agent, input, **rest)


@contextmanager
def _standing(
    agent: Agent[Any], input: Any, options: dict[str, Any]
) -> Iterator[tuple[Agent[Any], dict[str, Any]]]:
    """Give the agent and the options of a run, as they have to be where it is started."""
    here, team = frame(), counted()
    where = boundary.place()
    if where is Place.FLOW and here and _is_users(agent, here.team):
        with _below(here, agent, input):
            yield _with_team(here.team, agent, options)
    elif where is Place.CHECKPOINT and team and _is_users(agent, team):
        yield _with_team(team, agent, options)
    else:
        yield agent, options


@contextmanager
def _below(here: Frame, agent: Agent[Any], input: Any) -> Iterator[None]:
    """Run a block as a run of an agent below the call that it is made in.

    A guardrail is no call; what it starts is below its run.
    """
    within = runs.current_tool_call() or runs.ToolCall(
        here.places.run.id, here.places.run
    )
    key = f"{within.id}/{agent.name}"
    if isinstance(input, RunState) and key in here.nested:
        # Resumed after an approval: the same run goes on.
        with entered(replace(here, places=here.nested[key])):
            yield
        return
    activity = runs.activity()
    assert activity is not None  # there is a flow here
    with runs.inside_tool_call(within), activity.run(agent.name) as run:
        places = here.nested[key] = Places(run)
        with entered(replace(here, places=places)):
            yield


def _is_users(agent: Agent[Any], team: Agents) -> bool:
    return team.original(agent) is agent


def _with_team(
    team: Agents, agent: Agent[Any], options: dict[str, Any]
) -> tuple[Agent[Any], dict[str, Any]]:
    """Return the copy of an agent and the options of its run.

    Raises:
        KitaruUsageError: For a session in a flow.
    """
    if boundary.place() is Place.FLOW and options.get("session") is not None:
        raise Refused(
            f"agent {agent.name!r} has a session, which cannot be used in a flow: what "
            "an attempt adds to it would be added again by the next one; leave session= "
            "out"
        )
    config = team.config(options.get("run_config"), agent.name)
    return team.copy_of(agent), {**options, "run_config": config}


def install() -> None:
    """Let the SDK's default runner know durable runs."""
    with _installing:
        current = get_default_agent_runner()
        if not isinstance(current, _Runner):
            set_default_agent_runner(_Runner(current))
