"""The flows of the conformance suite with OpenAI agents."""

from __future__ import annotations

import json
import sys
from typing import Any

from agents import Agent, ModelResponse, Usage, function_tool, set_tracing_disabled
from agents.mcp import MCPServer
from agents.testing import ScriptedModel, assistant_message, function_call
from mcp.types import CallToolResult, TextContent, Tool
from pydantic import BaseModel
from work import awork, work

from kitaru import flow
from kitaru.adapters.openai_agents import KitaruRunner

set_tracing_disabled(True)


class Report(BaseModel):
    found: list[str]


class Calculator(MCPServer):
    """A server in this process."""

    name = "calculator"

    async def connect(self) -> None: ...

    async def cleanup(self) -> None: ...

    async def list_tools(self, *_: Any, **__: Any) -> list[Tool]:
        schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
        return [Tool.model_validate({"name": "add", "inputSchema": schema})]

    async def call_tool(self, *_: Any, **__: Any) -> CallToolResult:
        await awork("mcp")
        return CallToolResult(content=[TextContent(type="text", text="3")])

    async def list_prompts(self) -> Any:
        raise NotImplementedError

    async def get_prompt(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def answers(items: Any) -> list[str]:
    found = [
        item["output"]
        for item in items
        if isinstance(item, dict) and item.get("type") == "function_call_output"
    ]
    # Servers answer in parts.
    return [text if isinstance(text, str) else text[0]["text"] for text in found]


class Thinker(ScriptedModel):
    """Asks for these calls by turn, then ends; the turn is told by the messages."""

    def __init__(self, turns: Any, end: Any) -> None:
        super().__init__()
        self._turns = turns
        self._end = end

    async def get_response(self, *args: Any, **options: Any) -> ModelResponse:
        given = args[1] if len(args) > 1 else options["input"]
        known = answers(given) if isinstance(given, list) else []
        turn, before = 0, 0
        while turn < len(self._turns) and len(known) > before:
            before += len(self._turns[turn])
            turn += 1
        await awork(f"model {turn + 1}")
        if turn == len(self._turns):
            output: list[Any] = [assistant_message(self._end(known))]
        else:
            output = [
                function_call(name, arguments, call_id=f"{turn}-{index}")
                for index, (name, arguments) in enumerate(self._turns[turn])
            ]
        usage = Usage(requests=1, input_tokens=10, output_tokens=5, total_tokens=15)
        return ModelResponse(output=output, usage=usage, response_id=None)


@function_tool
async def search(call: str) -> str:
    await awork(f"search {call}")
    return "found x"


@function_tool(failure_error_function=lambda _, error: str(error))
def flaky(tries: int) -> str:
    work(f"flaky {tries}")
    if tries == 1:
        raise ValueError("once more")
    return "at last"


CALLS = [
    ("search", {"call": "c0"}),
    ("search", {"call": "c1"}),
    ("flaky", {"tries": 1}),
    ("add", {"a": 1}),
]


researcher = KitaruRunner(
    Agent(
        name="researcher",
        model=Thinker(
            [CALLS, [("flaky", {"tries": 2})]],
            lambda known: json.dumps({"found": known}),
        ),
        tools=[search, flaky],
        mcp_servers=[Calculator()],
        output_type=Report,
    )
)


async def journey() -> list[str]:
    result = await researcher.run("the usual")
    await awork("ending")
    found: list[str] = result.output.found
    return found


@function_tool
def prepare() -> str:
    work("prepare")
    return "prepared"


@function_tool(needs_approval=True)
def colour() -> str:
    return "red"


@flow
def asking() -> str:
    painter = Agent(
        name="painter",
        model=Thinker([[("prepare", {}), ("colour", {})]], " and ".join),
        tools=[prepare, colour],
    )
    output: str = KitaruRunner(painter, wait_timeout=0).run_sync("paint").output
    return output


class WithKey(ScriptedModel):
    """A model that holds an API key, and quotes it when it fails."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.failed = False

    async def get_response(self, *args: Any, **options: Any) -> ModelResponse:
        if not self.failed:
            self.failed = True
            raise ConnectionError(f"401: wrong key {self.key}", {"api_key": self.key})
        said = assistant_message("I will tell nobody")
        return ModelResponse(output=[said], usage=Usage(requests=1), response_id=None)


@flow
def secretive() -> str:
    key, password = "sk-" + "live4" * 8, "hunter" + "2" * 9
    keeper = Agent(
        name="keeper", instructions=f"The password: {password}", model=WithKey(key)
    )
    durable = KitaruRunner(keeper, model_checkpoint_config={"retries": 1})
    prompt = f"My password is {password}. Use Bearer {key}."
    first = durable.run_sync(prompt, context={"key": key})
    whole = KitaruRunner(keeper, name="whole", checkpoint_strategy="runner_call")
    output: str = whole.run_sync(first.to_input_list()).output
    return output


if __name__ == "__main__":
    handle = {"asking": asking, "secretive": secretive}[sys.argv[1]].run()
    print(handle.exec_id, handle.status)
