"""The flows of the conformance suite with a PydanticAI agent."""

from __future__ import annotations

import sys
from typing import Any

from fastmcp import FastMCP
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry, RunContext
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.wrapper import WrapperModel
from work import awork, work

from kitaru import flow
from kitaru.adapters.pydantic_ai import KitaruAgent, hitl_tool


class Report(BaseModel):
    found: list[str]


server = FastMCP("calculator")


@server.tool
async def add(a: int, b: int) -> int:
    await awork("mcp")
    return a + b


def answers(messages: list[ModelMessage]) -> list[str]:
    return [
        str(part.content)
        for message in messages
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]


async def think(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    turn = 1 + sum(isinstance(message, ModelResponse) for message in messages)
    await awork(f"model {turn}")
    if turn == 1:
        calls = [
            ToolCallPart("search", {"query": "x"}, tool_call_id="c0"),
            ToolCallPart("search", {"query": "x"}, tool_call_id="c1"),
            ToolCallPart("flaky", {}, tool_call_id="c2"),
            ToolCallPart("add", {"a": 1, "b": 2}, tool_call_id="c3"),
        ]
        return ModelResponse(parts=calls)
    if turn == 2:
        return ModelResponse(parts=[ToolCallPart("flaky", {}, tool_call_id="c4")])
    output = info.output_tools[0].name
    return ModelResponse(parts=[ToolCallPart(output, {"found": answers(messages)})])


agent = Agent(FunctionModel(think), output_type=Report, toolsets=[MCPToolset(server)])


@agent.tool
async def search(ctx: RunContext[None], query: str) -> str:
    await awork(f"search {ctx.tool_call_id}")
    return f"found {query}"


@agent.tool
def flaky(ctx: RunContext[None]) -> str:
    work(f"flaky {ctx.retry + 1}")
    if ctx.retry == 0:
        raise ModelRetry("once more")
    return "at last"


researcher = KitaruAgent(agent, name="researcher")


async def journey() -> list[str]:
    result = await researcher.run("the usual")
    await awork("ending")
    return result.output.found


async def think_and_ask(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    turn = 1 + sum(isinstance(message, ModelResponse) for message in messages)
    await awork(f"model {turn}")
    if turn == 1:
        calls = [
            ToolCallPart("prepare", {}),
            ToolCallPart("colour", {"question": "Which colour, please?"}),
        ]
        return ModelResponse(parts=calls)
    return ModelResponse(parts=[TextPart(" and ".join(answers(messages)))])


painter = Agent(
    FunctionModel(think_and_ask),
    name="painter",
    tools=[hitl_tool(question="Which colour?", name="colour", timeout=0)],
)


@painter.tool_plain
def prepare() -> str:
    work("prepare")
    return "prepared"


@flow
def asking() -> str:
    return KitaruAgent(painter).run_sync("paint").output


class WithKey(WrapperModel):
    """A model that holds an API key, and quotes it when it fails."""

    def __init__(self, key: str) -> None:
        super().__init__(FunctionModel(keep_secret))
        self.key = key
        self.failed = False

    async def request(self, messages: Any, settings: Any, parameters: Any) -> Any:
        if not self.failed:
            self.failed = True
            raise ConnectionError(f"401: wrong key {self.key}", {"api_key": self.key})
        return await self.wrapped.request(messages, settings, parameters)


async def keep_secret(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    return ModelResponse(parts=[TextPart("I will tell nobody")])


@flow
def secretive() -> str:
    key, password = "sk-" + "live4" * 8, "hunter" + "2" * 9
    keeper = Agent(
        WithKey(key),
        name="keeper",
        instructions=f"The password: {password}",
        deps_type=str,
    )
    durable = KitaruAgent(keeper, model_checkpoint_config={"retries": 1})
    prompt = f"My password is {password}. Use Bearer {key}."
    first = durable.run_sync(prompt, deps=key)
    turn = KitaruAgent(keeper, name="turned", granular_checkpoints=False)
    return turn.run_sync(prompt, deps=key, message_history=first.all_messages()).output


if __name__ == "__main__":
    handle = {"asking": asking, "secretive": secretive}[sys.argv[1]].run()
    print(handle.exec_id, handle.status)
