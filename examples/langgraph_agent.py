"""An agent that looks things up and publishes when a person agrees; survives kills.

    pip install 'kitaru[langgraph]'
    python examples/langgraph_agent.py

It needs no network: a function plays the model. Put `create_agent("openai:gpt-5-mini", …)`
in its place and nothing else changes. Answer the question with the command it prints,
kill the process where you like and let it go on with `kitaru executions retry`: no
finished model request and no finished tool call is made again.
"""

from __future__ import annotations

import sys
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import interrupt

from kitaru import flow
from kitaru.adapters.langgraph import KitaruGraphRunner
from kitaru.adapters.langgraph.langchain import KitaruLangGraphMiddleware


class PlayedModel(BaseChatModel):
    """Looks two things up, publishes them, then says what came of it."""

    @property
    def _llm_type(self) -> str:
        return "played"

    def bind_tools(self, tools: Any, **options: Any) -> PlayedModel:
        return self

    def _generate(self, messages: Any, *args: Any, **options: Any) -> ChatResult:
        returned = [item.content for item in messages if isinstance(item, ToolMessage)]
        if not returned:
            answer = asks(
                look_up={"topic": "durability"}, look_up_2={"topic": "agents"}
            )
        elif len(returned) == 2:
            answer = asks(publish={"text": ", ".join(returned)})
        else:
            answer = AIMessage(returned[-1])
        return ChatResult(generations=[ChatGeneration(message=answer)])


def asks(**calls: dict[str, Any]) -> AIMessage:
    """Return an answer that asks for tools."""
    found = [
        {"name": name.removesuffix("_2"), "args": args, "id": f"call_{name}"}
        for name, args in calls.items()
    ]
    return AIMessage("", tool_calls=found)


@tool
def look_up(topic: str) -> str:
    """Find a fact about a topic."""
    print(f"looking up {topic}", file=sys.stderr)
    return f"a fact about {topic}"


@tool
def publish(text: str) -> str:
    """Publish a text; a person is asked first."""
    if interrupt(f"Publish {text!r}?", response_schema=bool):
        return f"published: {text}"
    return "not published"


agent = create_agent(
    PlayedModel(),
    [look_up, publish],
    middleware=[KitaruLangGraphMiddleware()],
    checkpointer=InMemorySaver(),
    name="researcher",
)
researcher = KitaruGraphRunner(agent, checkpoint_strategy="calls")


@flow
def briefing(request: str) -> str:
    result = researcher.invoke({"messages": [("user", request)]})
    return result.output["messages"][-1].content


if __name__ == "__main__":
    print(briefing.run("What is new?").wait())
