"""The flows of the conformance suite with LangGraph, by the strategy in `flavour`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fastmcp import Client, FastMCP
from langchain.agents import create_agent
from langchain.agents.middleware import ToolErrorMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import interrupt
from pydantic import BaseModel
from work import awork, work

from kitaru import flow
from kitaru.adapters.langgraph import KitaruGraphRunner
from kitaru.adapters.langgraph.langchain import KitaruLangGraphMiddleware

STRATEGY: Any = Path("flavour").read_text()


class Report(BaseModel):
    found: list[str]


class Thinker(BaseChatModel):
    """Asks for these calls by turn, then ends; the turn is told by the messages."""

    turns: Any
    end: Any
    label: str = "model"

    @property
    def _llm_type(self) -> str:
        return "thinker"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        turn = sum(isinstance(item, AIMessage) for item in messages)
        work(f"{self.label} {turn + 1}")
        return self._answer(messages, turn)

    async def _agenerate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        turn = sum(isinstance(item, AIMessage) for item in messages)
        await awork(f"{self.label} {turn + 1}")
        return self._answer(messages, turn)

    def _answer(self, messages: Any, turn: int) -> ChatResult:
        if turn < len(self.turns):
            calls = [
                {"name": name, "args": args, "id": f"{turn}-{index}"}
                for index, (name, args) in enumerate(self.turns[turn])
            ]
            answer = AIMessage("", tool_calls=calls)
        else:
            known = [item.content for item in messages if isinstance(item, ToolMessage)]
            answer = self.end(known)
        answer.usage_metadata = {
            "input_tokens": 10,
            "output_tokens": 5,
            "total_tokens": 15,
        }
        return ChatResult(generations=[ChatGeneration(message=answer)])


server = FastMCP("calculator")


@server.tool(name="add")
async def adding(a: int, b: int) -> int:
    await awork("mcp")
    return a + b


@tool
async def add(a: int, b: int) -> str:
    """Add by the calculator's server."""
    async with Client(server) as calculator:
        return str((await calculator.call_tool("add", {"a": a, "b": b})).data)


@tool
async def search(call: str) -> str:
    """Search."""
    await awork(f"search {call}")
    return "found x"


@tool
def flaky(tries: int) -> str:
    """Fail the first time."""
    work(f"flaky {tries}")
    if tries == 1:
        raise ValueError("once more")
    return "at last"


def told(known: list[Any]) -> AIMessage:
    report = {"name": "Report", "args": {"found": known}, "id": "end"}
    return AIMessage("", tool_calls=[report])


CALLS = [
    ("search", {"call": "c0"}),
    ("search", {"call": "c1"}),
    ("flaky", {"tries": 1}),
    ("add", {"a": 1, "b": 2}),
]
researcher = KitaruGraphRunner(
    create_agent(
        Thinker(turns=[CALLS, [("flaky", {"tries": 2})]], end=told),
        [search, flaky, add],
        middleware=[
            ToolErrorMiddleware(on_error=lambda error, _: str(error)),
            KitaruLangGraphMiddleware(),
        ],
        response_format=Report,
        name="researcher",
    ),
    checkpoint_strategy=STRATEGY,
)


async def in_calls() -> list[str]:
    result = await researcher.ainvoke({"messages": [HumanMessage("the usual")]})
    await awork("ending")
    found: list[str] = result.output["structured_response"].found
    return found


async def in_graphs() -> list[str]:
    """Talk three times with an agent whose memory is that of a process."""
    talker = KitaruGraphRunner(
        create_agent(
            Thinker(turns=[], end=lambda _: AIMessage("yes")),
            name="talker",
            checkpointer=InMemorySaver(),
        ),
        checkpoint_strategy=STRATEGY,
    )
    config = {"configurable": {"thread_id": "chat"}}
    said = []
    for text in ("one", "two", "three"):
        given = {"messages": [HumanMessage(text)]}
        result = await talker.ainvoke(given, config)
        said = [message.content for message in result.output["messages"]]
    await awork("ending")
    return said


journey = in_calls if STRATEGY == "calls" else in_graphs


@tool
def prepare() -> str:
    """Prepare."""
    work("prepare")
    return "prepared"


@tool
def colour() -> str:
    """Ask for a colour."""
    return str(interrupt("Which colour, please?", response_schema=str))


def agent(model: Any, name: str, tools: Any = (), **options: Any) -> Any:
    own = [KitaruLangGraphMiddleware()]
    return create_agent(model, list(tools), middleware=own, name=name, **options)


@flow
def asking() -> str:
    turn = [("prepare", {}), ("colour", {})]
    painter = agent(
        Thinker(turns=[turn], end=lambda known: AIMessage(" and ".join(known))),
        "painter",
        [prepare, colour],
        checkpointer=InMemorySaver(),
    )
    runner = KitaruGraphRunner(painter, checkpoint_strategy=STRATEGY, wait_timeout=0)
    result = runner.invoke({"messages": [HumanMessage("paint")]})
    return str(result.output["messages"][-1].content)


class WithKey(Thinker):
    """A model that holds an API key, and quotes it when it fails."""

    key: str
    failed: bool = False

    def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        if not self.failed:
            self.failed = True
            raise ConnectionError(f"401: wrong key {self.key}", {"api_key": self.key})
        return self._answer(messages, 0)


@flow
def secretive() -> str:
    key, password = "sk-" + "live4" * 8, "hunter" + "2" * 9
    model = WithKey(turns=[], end=lambda _: AIMessage("I will tell nobody"), key=key)
    keeper = agent(model, "keeper", system_prompt=f"The password: {password}")
    first = KitaruGraphRunner(
        keeper,
        checkpoint_strategy=STRATEGY,
        graph_checkpoint_config={"retries": 1},
        model_checkpoint_config={"retries": 1},
    )
    prompt = f"My password is {password}. Use Bearer {key}."
    told = first.invoke({"messages": [HumanMessage(prompt)]})
    whole = KitaruGraphRunner(keeper, name="whole")
    again = {"messages": [*told.output["messages"], HumanMessage(prompt)]}
    return str(whole.invoke(again).output["messages"][-1].content)


if __name__ == "__main__":
    handle = {"asking": asking, "secretive": secretive}[sys.argv[1]].run()
    print(handle.exec_id, handle.status)
