"""A whole run of an agent as one checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from agents import Agent, ItemHelpers, Runner, RunState, Usage
from agents.handoffs import Handoff

from kitaru import models
from kitaru.adapters._shared import runs
from kitaru.adapters._shared.boundary import Boundary
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters.openai_agents import approvals, nested, translate
from kitaru.adapters.openai_agents.context import counting
from kitaru.adapters.openai_agents.results import (
    OpenAIRunRequest,
    OpenAIRunResult,
    PendingApproval,
)
from kitaru.adapters.openai_agents.team import Team
from kitaru.adapters.openai_agents.translate import RUNNER_CALL
from kitaru.errors import KitaruUsageError

# Where a stored state of the SDK has the input of its run.
_INPUT = "original_input"


class WholeRuns:
    """Runs an agent as one checkpoint at a time: to its end, or to its approvals.

    Stored are the output, the new items and the state without its input, which the flow
    brings along each time.

    Args:
        agent: The agent.
        name: Its name, in ids.
        boundary: Where it runs.
        capture: What to keep beside the result.
    """

    def __init__(
        self, agent: Agent[Any], name: str, boundary: Boundary, capture: CapturePolicy
    ) -> None:
        self._agent = agent
        self._name = name
        self._boundary = boundary
        self._capture = capture

    async def run(
        self, request: OpenAIRunRequest, options: Mapping[str, Any]
    ) -> OpenAIRunResult:
        """Run it, or rebuild the result it had."""
        activity = runs.activity()
        assert activity is not None  # there is a flow here
        if request.state is not None and not isinstance(request.state, dict):
            raise KitaruUsageError(
                "this state belongs to a run in checkpoints of its own; resume it with "
                "a runner of the same checkpoint_strategy"
            )

        async def work() -> Any:
            if self._capture.prompts and request.state is None:
                self._capture.keep("prompt", request.input, type="prompt")
            with counted(self._agent, self._capture, options) as (_, agent, rest):
                given = await _given(agent, request)
                result = await Runner.run(agent, given, **rest, **_context(request))
                if self._capture.responses and not result.interruptions:
                    said = result.final_output
                    self._capture.keep("response", said, type="response")
                return _stored(result, _input_of(request))

        stored = await self._boundary.run(
            RUNNER_CALL,
            self._name,
            activity.announce(self._name),
            work,
            inputs={
                "input": translate.plain_items(request.input or []),
                "decisions": dict(request.decisions),
                "state": request.state,
            },
        )
        return self._rebuilt(stored, _input_of(request))

    def _rebuilt(self, stored: Any, given: Any) -> OpenAIRunResult:
        if not (isinstance(stored, dict) and {"output", "last_agent"} <= stored.keys()):
            # Somebody overrode it with another output.
            return OpenAIRunResult(
                output=stored,
                status="completed",
                interruptions=(),
                usage=models.Usage(),
                last_agent=self._agent,
            )
        return OpenAIRunResult(
            output=stored["output"],
            status="interrupted" if stored["interruptions"] else "completed",
            interruptions=tuple(
                PendingApproval(**approval) for approval in stored["interruptions"]
            ),
            usage=stored["usage"],
            last_agent=_agent_named(self._agent, stored["last_agent"]),
            items=[*_listed(_changed(stored, given)), *stored["items"]],
            state=_with_input(stored, given),
        )


@contextmanager
def counted(
    agent: Agent[Any], capture: CapturePolicy, options: Mapping[str, Any]
) -> Iterator[tuple[Team, Agent[Any], dict[str, Any]]]:
    """Give a copy of an agent whose requests are counted on the checkpoint that is open.

    Each with the price of its model; requests of agents inside tools are, too.
    """
    team = Team(is_durable=False)
    if not capture.usage:
        yield team, agent, dict(options)
        return
    nested.install()
    config = team.config(options.get("run_config"), agent.name)
    with counting(team):
        yield team, team.copy_of(agent), {**options, "run_config": config}


async def _given(agent: Agent[Any], request: OpenAIRunRequest) -> Any:
    """Return what the SDK runs."""
    if request.state is None:
        return request.input
    state: Any = await RunState.from_json(agent, request.state)
    approvals.decide(state, request.decisions)
    return state


def _stored(result: Any, given: Any) -> dict[str, Any]:
    pending = approvals.pending(result.interruptions)
    # A context that cannot be stored raises here, and does not become an empty one.
    state = result.to_state().to_json(strict_context=True) if pending else None
    if state is not None:
        state.pop(_INPUT)
    return {
        # As it is: the engine keeps its type.
        "output": None if pending else result.final_output,
        "last_agent": result.last_agent.name,
        "items": result.to_input_list()[len(_listed(result.input)) :],
        # Filters of handoffs may have changed it.
        "input": None if result.input == given else result.input,
        "interruptions": [asdict(approval) for approval in pending],
        "state": state,
        "usage": usage_of(result.context_wrapper.usage),
    }


def _input_of(request: OpenAIRunRequest) -> Any:
    return request.input if request.state is None else request.state[_INPUT]


def _changed(stored: Any, given: Any) -> Any:
    return given if stored["input"] is None else stored["input"]


def _with_input(stored: Any, given: Any) -> Any:
    state = stored["state"]
    return None if state is None else {**state, _INPUT: _changed(stored, given)}


def _listed(given: Any) -> list[Any]:
    return ItemHelpers.input_to_new_input_list(given)


def usage_of(usage: Usage) -> models.Usage:
    """Return the tokens of a run, as Kitaru tells them."""
    return models.Usage(
        requests=usage.requests,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.input_tokens_details.cached_tokens or 0,
    )


def _context(request: OpenAIRunRequest) -> dict[str, Any]:
    # Approvals live in the context of a state.
    return {} if request.state is not None else {"context": request.context}


def _agent_named(agent: Agent[Any], name: str) -> Agent[Any]:
    """Return the agent of that name among those that are handed over to."""
    open_agents, seen = [agent], set[int]()
    while open_agents:
        current = open_agents.pop(0)
        if current.name == name:
            return current
        seen.add(id(current))
        for target in current.handoffs:
            known = _target(target)
            if known is not None and id(known) not in seen:
                open_agents.append(known)
    return agent


def _target(handoff: Agent[Any] | Handoff[Any, Any]) -> Agent[Any] | None:
    if isinstance(handoff, Agent):
        return handoff
    # The SDK keeps a weak reference there, for its own look at the graph of agents.
    reference = getattr(handoff, "_agent_ref", None)
    found = reference() if reference is not None else None
    return found if isinstance(found, Agent) else None
