"""Runs of an agent with 20 steps; prints seconds per step.

`agent.py bare|durable calls|steps TIMES`; with `calls` the model's calls are the only
checkpoints, with `steps` its tool calls are some, too.
"""

from __future__ import annotations

import sys
import time

from pydantic_ai import Agent, Tool
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import UsageLimits
from saying import say

from kitaru import flow
from kitaru.adapters.pydantic_ai import KitaruAgent

STEPS = 20
NO_LIMITS = UsageLimits(request_limit=None)
SIDE, BOUNDARIES, TIMES = sys.argv[1], sys.argv[2], int(sys.argv[3])


def think(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    if sum(isinstance(message, ModelResponse) for message in messages) < STEPS - 1:
        return ModelResponse(parts=[ToolCallPart("look", {"n": len(messages)})])
    return ModelResponse(parts=[TextPart("done")])


def look(n: int) -> str:
    return f"seen {n} " + "x" * 200


metadata = {"kitaru": False} if BOUNDARIES == "calls" else None
agent = Agent(FunctionModel(think), name="agent", tools=[Tool(look, metadata=metadata)])


def seconds_each(runner: Agent[None, str] | KitaruAgent[None, str]) -> list[float]:
    taken = []
    for _ in range(TIMES + 1):
        began = time.perf_counter()
        runner.run_sync("go", usage_limits=NO_LIMITS)
        taken.append((time.perf_counter() - began) / STEPS)
    # The first one imports what the others have.
    return taken[1:]


@flow
def working() -> list[float]:
    return seconds_each(KitaruAgent(agent))


if __name__ == "__main__":
    say(each=seconds_each(agent) if SIDE == "bare" else working.run().wait())
