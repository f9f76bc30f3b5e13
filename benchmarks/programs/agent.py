"""Runs of an agent with 20 steps: bare, then in a flow; prints seconds per model call."""

from __future__ import annotations

import json
import sys
import time

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import UsageLimits

from kitaru import flow
from kitaru.adapters.pydantic_ai import KitaruAgent

STEPS = 20
NO_LIMITS = UsageLimits(request_limit=None)


def think(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    if sum(isinstance(message, ModelResponse) for message in messages) < STEPS - 1:
        return ModelResponse(parts=[ToolCallPart("look", {"n": len(messages)})])
    return ModelResponse(parts=[TextPart("done")])


agent = Agent(FunctionModel(think), name="agent")


@agent.tool_plain
def look(n: int) -> str:
    return f"seen {n} " + "x" * 200


durable = KitaruAgent(agent)


def seconds_per_call(runner: Agent[None, str] | KitaruAgent[None, str]) -> float:
    began = time.perf_counter()
    runner.run_sync("go", usage_limits=NO_LIMITS)
    return (time.perf_counter() - began) / STEPS


@flow
def working() -> list[float]:
    return [seconds_per_call(durable) for _ in range(int(sys.argv[1]))]


if __name__ == "__main__":
    seconds_per_call(agent)
    bare = [seconds_per_call(agent) for _ in range(int(sys.argv[1]))]
    # The first run of a process imports what the others have.
    print(json.dumps({"bare": bare, "durable": working.run().wait()[1:]}))
