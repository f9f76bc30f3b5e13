"""An agent that looks things up and publishes when a person agrees; survives kills.

    pip install 'kitaru[openai-agents]'
    python examples/openai_agents_agent.py

It needs no network: a function plays the model. Put `Agent(model="gpt-5-mini", …)` in its
place and nothing else changes. Answer the question with the command it prints, kill the
process where you like and let it go on with `kitaru executions retry`: no finished model
request and no finished tool call is made again.
"""

from __future__ import annotations

import sys
from typing import Any

from agents import Agent, ModelResponse, Usage, function_tool, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call

from kitaru import flow
from kitaru.adapters.openai_agents import KitaruRunner

set_tracing_disabled(True)


class PlayedModel(ScriptedModel):
    """Looks two things up, publishes them, then says what came of it."""

    async def get_response(self, *args: Any, **options: Any) -> ModelResponse:
        given = args[1] if len(args) > 1 else options["input"]
        returned = [
            item["output"]
            for item in given
            if isinstance(item, dict) and item.get("type") == "function_call_output"
        ]
        if not returned:
            output: list[Any] = [
                function_call("look_up", {"topic": "durability"}, call_id="c0"),
                function_call("look_up", {"topic": "agents"}, call_id="c1"),
            ]
        elif len(returned) == 2:
            text = ", ".join(returned)
            output = [function_call("publish", {"text": text}, call_id="c2")]
        else:
            output = [assistant_message(returned[-1])]
        return ModelResponse(output=output, usage=Usage(requests=1), response_id=None)


@function_tool
def look_up(topic: str) -> str:
    """Find a fact about a topic."""
    print(f"looking up {topic}", file=sys.stderr)
    return f"a fact about {topic}"


@function_tool(needs_approval=True)
def publish(text: str) -> str:
    """Publish a text; a person is asked first."""
    return f"published: {text}"


researcher = KitaruRunner(
    Agent(name="researcher", model=PlayedModel(), tools=[look_up, publish])
)


@flow
def briefing(request: str) -> str:
    return researcher.run_sync(request).output


if __name__ == "__main__":
    print(briefing.run("What is new?").wait())
