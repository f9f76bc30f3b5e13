"""What a long conversation costs: what is new in it, with every request."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from pydantic import BaseModel, field_serializer
from pydantic_ai import Agent
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)

from kitaru import flow
from kitaru.adapters._shared import growing
from kitaru.adapters.pydantic_ai import KitaruAgent
from kitaru.testing import FlowTester
from tests.adapters.pydantic_ai.agents import scripted

GROWING = Path(inspect.getfile(growing))


@pytest.mark.parametrize("turns", [1, 8])
def test_what_was_said_before_is_not_hashed_with_every_request(turns: int) -> None:
    hashed: list[str] = []

    class Told(BaseModel):
        text: str

        @field_serializer("text")
        def counted(self, text: str) -> str:
            # PydanticAI itself dumps all messages with every request.
            if any(Path(frame.filename) == GROWING for frame in inspect.stack(0)):
                hashed.append(text)
            return text

    history = [
        ModelResponse(parts=[ToolCallPart("tell", {}, tool_call_id="t")]),
        ModelRequest(parts=[ToolReturnPart("tell", Told(text="a"), tool_call_id="t")]),
        ModelResponse(parts=[TextPart("well")]),
    ]
    # Two answers are in the history already.
    script = [[("search", {"query": "x"})]] * (2 + turns)
    agent = Agent(scripted(*script), name="searcher")
    agent.tool_plain(name="search")(lambda query: query)

    @flow
    def working() -> str:
        return KitaruAgent(agent).run_sync("hi", message_history=history).output

    with FlowTester() as tester:
        calls = tester.run(working).ran

    assert (len(calls), len(hashed)) == (2 * turns + 1, 1)
