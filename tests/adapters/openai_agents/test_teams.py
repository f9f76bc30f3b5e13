"""Several agents, servers, guardrails and hosted tools in one run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    OutputGuardrail,
    Runner,
    WebSearchTool,
    function_tool,
    handoff,
)
from agents.mcp import MCPServer
from mcp.types import CallToolResult, TextContent, Tool

from kitaru import flow
from kitaru.adapters.openai_agents import KitaruRunner, OpenAIRunResult
from kitaru.testing import FlowTester
from tests.adapters.openai_agents.agents_of_openai import Scripted


class Calculator(MCPServer):
    """A server in this process."""

    name = "calculator"

    def __init__(self, asked: list[str], *, fails: bool) -> None:
        super().__init__()
        self._asked = asked
        self._fails = fails

    async def connect(self) -> None: ...

    async def cleanup(self) -> None: ...

    async def list_tools(self, *_: Any, **__: Any) -> list[Tool]:
        return [Tool.model_validate({"name": "add", "inputSchema": {"type": "object"}})]

    async def call_tool(self, *_: Any, **__: Any) -> CallToolResult:
        self._asked.append("asked")
        if self._fails:
            raise ConnectionError("away")
        return CallToolResult(content=[TextContent(type="text", text="3")])

    async def list_prompts(self) -> Any:
        raise NotImplementedError

    async def get_prompt(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("fails", [False, True], ids=["answers", "fails"])
def test_a_call_of_an_mcp_server_is_told_from_others_and_made_once(
    fails: bool,
) -> None:
    asked: list[str] = []
    agent = Agent(
        name="a",
        model=Scripted("a", [("add", {})]),
        mcp_servers=[Calculator(asked, fails=fails)],
    )

    @flow
    def working() -> str:
        return KitaruRunner(agent).run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working, kill_after="a.r1.s1.t0.add")
        tester.retry(run)
        result, calls = run.result, run.execution.checkpoints

    assert ("error occurred" if fails else "3") in result
    assert [call.checkpoint_type for call in calls] == [
        "model_request",
        "mcp_call",
        "model_request",
    ]
    assert asked == ["asked"]


def test_agents_that_hand_over_to_one_another_are_durable_in_turn() -> None:
    told: list[str] = []
    opener: Agent[Any] = Agent(
        name="opener", model=Scripted("o", [("transfer_to_closer", {})])
    )
    closer: Agent[Any] = Agent(
        name="closer",
        model=Scripted("c", [("transfer_to_opener", {})], end=lambda _: "bye"),
        handoffs=[opener],
    )
    opener.handoffs = [handoff(closer, on_handoff=lambda context: told.append("over"))]
    found: list[OpenAIRunResult] = []

    @flow
    def working() -> str:
        found.append(KitaruRunner(opener).run_sync("hi"))
        return str(found[-1].output)

    with FlowTester() as tester:
        ran = tester.run(working).ran

    assert ran == [f"opener.r1.s{step}.model" for step in (1, 2, 3)]
    assert told == ["over"]
    assert found[0].last_agent is opener


@pytest.mark.parametrize("streamed", [False, True])
def test_an_agent_in_a_tool_that_streams_is_durable_too(streamed: bool) -> None:
    seen: list[str] = []
    made: list[str] = []

    async def show(event: Any) -> None:
        seen.append(event["event"].type)

    helper = Agent(name="helper", model=Scripted("h", made=made, end=lambda _: "ok"))
    options: Any = {"on_stream": show} if streamed else {}
    boss = Agent(
        name="boss",
        model=Scripted("b", [("ask", {"input": "q"})]),
        tools=[helper.as_tool("ask", "asks", **options)],
    )

    @flow
    def working() -> str:
        return KitaruRunner(boss).run_sync("hi").output

    with FlowTester() as tester:
        inner = "boss.r1.s1.t0.ask/helper.r1.s1.model"
        run = tester.run(working, kill_after=inner)
        tester.retry(run)

        assert run.result == "ok"
        assert inner in run.reused
    assert made == ["h 1"]
    assert bool(seen) is streamed


def test_a_handled_failure_of_an_agent_in_a_tool_is_an_outcome() -> None:
    asked: list[str] = []
    told = asyncio.Event()

    def fails() -> bool:
        asked.append("asked")
        return len(asked) == 1

    def tell(_: Any, error: Exception) -> str:
        told.set()
        return f"told: {error}"

    @function_tool
    async def slow() -> str:
        # It began before the other one failed, and ends after that was handled.
        await told.wait()
        return "slow"

    helper = Agent(name="helper", model=Scripted("h", failing=fails))
    boss = Agent(
        name="boss",
        model=Scripted("b", [("slow", {}), ("ask", {"input": "q"})]),
        tools=[slow, helper.as_tool("ask", "asks", failure_error_function=tell)],
    )

    @flow
    def working() -> str:
        return KitaruRunner(boss).run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working, kill_after="boss.r1.s1.t0.slow")
        tester.retry(run)

        assert run.result == "slow and told: away"
    assert asked == ["asked"]


def test_an_agent_of_a_guardrail_is_durable() -> None:
    made: list[str] = []
    checker = Agent(name="checker", model=Scripted("k", made=made, end=lambda _: "ok"))

    async def check(*_: Any) -> GuardrailFunctionOutput:
        said = (await Runner.run(checker, "fine?")).final_output
        return GuardrailFunctionOutput(said, tripwire_triggered=said != "ok")

    agent = Agent(
        name="a",
        model=Scripted("a", end=lambda _: "yes"),
        input_guardrails=[InputGuardrail(check, run_in_parallel=False)],
        output_guardrails=[OutputGuardrail(check)],
    )

    @flow
    def working() -> str:
        return KitaruRunner(agent).run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working, kill_after="a.r1/checker.r2.s1.model")
        tester.retry(run)

        assert run.result == "yes"
        assert run.ran == []
    assert made == ["k 1", "k 1"]


def test_a_hosted_tool_is_part_of_the_models_answer() -> None:
    agent = Agent(
        name="a", model=Scripted("a", end=lambda _: "yes"), tools=[WebSearchTool()]
    )

    @flow
    def working() -> str:
        return KitaruRunner(agent).run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)

        assert (run.result, run.ran) == ("yes", ["a.r1.s1.model"])


def test_runs_beside_one_another_keep_their_ids_and_answers() -> None:
    @function_tool(needs_approval=True)
    def send() -> str:
        return "sent"

    def runner(name: str) -> KitaruRunner:
        model = Scripted(name, [("send", {})])
        agent = Agent(name=name, model=model, tools=[send])
        return KitaruRunner(agent, wait_timeout=0)

    @flow
    async def working() -> list[str]:
        both = await asyncio.gather(runner("a").run("hi"), runner("b").run("hi"))
        return [str(result.output) for result in both]

    answers = {"approve_send": True, "b.r1.approve_send": False}
    with FlowTester(answers=answers) as tester:
        run = tester.run(working)

        assert run.result == ["sent", "Tool execution was not approved."]
        assert set(run.answered) == set(answers)
