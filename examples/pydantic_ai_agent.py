"""An agent that looks things up, asks before it publishes, and survives kills.

    pip install 'kitaru[pydantic-ai]'
    python examples/pydantic_ai_agent.py

It needs no network: a function plays the model. Put `Agent("openai:gpt-5-mini", …)` in
its place and nothing else changes. Answer the question with the command it prints, kill
the process where you like and let it go on with `kitaru executions retry`: no finished
model request and no finished tool call is made again.
"""

from __future__ import annotations

import sys

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from kitaru import checkpoint, flow
from kitaru.adapters.pydantic_ai import KitaruAgent, hitl_tool


class Brief(BaseModel):
    title: str
    facts: list[str]
    approved: bool


def play_model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Look two things up, ask a person, then write the brief."""
    returned = [
        part.content
        for message in messages
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]
    if not returned:
        return ModelResponse(
            parts=[
                ToolCallPart("look_up", {"topic": "durability"}),
                ToolCallPart("look_up", {"topic": "agents"}),
            ]
        )
    if len(returned) == 2:
        question = f"Publish these {len(returned)} facts?"
        return ModelResponse(parts=[ToolCallPart("approve", {"question": question})])
    brief = {"title": "Durable agents", "facts": returned[:2], "approved": returned[2]}
    return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, brief)])


agent = Agent(
    FunctionModel(play_model),
    output_type=Brief,
    tools=[hitl_tool(question="Publish it?", name="approve", schema=bool)],
)


@agent.tool_plain
def look_up(topic: str) -> str:
    """Find a fact about a topic."""
    print(f"looking up {topic}", file=sys.stderr)
    return f"a fact about {topic}"


researcher = KitaruAgent(agent, name="researcher")


@checkpoint
def publish(brief: Brief) -> str:
    return f"{brief.title}: {', '.join(brief.facts)}"


@flow
def briefing(request: str) -> str:
    brief = researcher.run_sync(request).output
    return publish(brief) if brief.approved else "not published"


if __name__ == "__main__":
    print(briefing.run("What is new?").wait())
