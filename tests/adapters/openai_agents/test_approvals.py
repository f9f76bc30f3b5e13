"""Tool calls that need a person's word."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import Agent, function_tool

from kitaru import flow
from kitaru.adapters.openai_agents import (
    KitaruRunner,
    build_resume_request,
    wait_for_approval,
)
from kitaru.testing import FlowTester
from tests.adapters.openai_agents.agents_of_openai import Scripted

TWO = [("delete", {"path": "/a"}), ("delete", {"path": "/b"}), ("ask", {"input": "q"})]
ANSWERS = {"approve_delete": [True, False], "approve_send": True}
STRATEGIES = pytest.mark.parametrize("strategy", ["calls", "runner_call"])


def team(done: list[str]) -> Agent[Any]:
    """Return an agent that deletes two files and asks another one, which sends."""

    @function_tool(needs_approval=True)
    async def delete(path: str) -> str:
        done.append(path)
        return f"deleted {path}"

    @function_tool(needs_approval=True)
    async def send() -> str:
        done.append("sent")
        return "sent"

    helper = Agent(name="helper", model=Scripted("h", [("send", {})]), tools=[send])
    return Agent(
        name="boss",
        model=Scripted("b", TWO),
        tools=[delete, helper.as_tool("ask", "asks")],
    )


@STRATEGIES
def test_each_answer_reaches_its_call(strategy: Any) -> None:
    done: list[str] = []
    runner = KitaruRunner(team(done), checkpoint_strategy=strategy)

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester(answers=ANSWERS) as tester:
        run = tester.run(working)
        result, usage = run.result, run.execution.usage

    assert result == "deleted /a and Tool execution was not approved. and sent"
    assert sorted(done) == ["/a", "sent"]
    assert usage is not None
    assert usage.requests == 4


@STRATEGIES
def test_what_is_open_says_what_would_be_done(strategy: Any) -> None:
    runner = KitaruRunner(team([]), checkpoint_strategy=strategy, wait_timeout=0)

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        waiting = tester.run(working).execution.pending_wait

    assert waiting is not None
    assert (waiting.name, waiting.question) == (
        "approve_delete",
        "Allow the call of tool 'delete'?",
    )
    assert waiting.metadata["arguments"] == {"path": "/a"}


@STRATEGIES
def test_a_caller_may_decide_itself(strategy: Any) -> None:
    done: list[str] = []
    runner = KitaruRunner(team(done), checkpoint_strategy=strategy, approvals="return")

    @flow
    def working() -> list[str]:
        first = runner.run_sync("hi")
        decisions = wait_for_approval(first)
        second = runner.run_sync(build_resume_request(first, decisions))
        return [first.status, second.status, second.output]

    with FlowTester(answers=ANSWERS) as tester:
        run = tester.run(working)
        if strategy == "calls":
            died = tester.run(working, kill_after="boss.r1.s2.model")
            tester.retry(died)
            assert died.result == run.result
        result = run.result

    assert result[:2] == ["interrupted", "completed"]
    assert result[2] == "deleted /a and Tool execution was not approved. and sent"


@STRATEGIES
def test_all_are_open_at_once_and_answered_in_any_order(strategy: Any) -> None:
    done: list[str] = []
    runner = KitaruRunner(team(done), checkpoint_strategy=strategy, wait_timeout=0)

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)
        waits = tester.client.executions.pending_waits(run.exec_id)
        run.input(True, wait="approve_send")
        run.input(False, wait="approve_delete_2")
        before = list(done)
        run.input(True, wait="approve_delete")
        result = run.result

    assert [(wait.name, wait.metadata["arguments"]) for wait in waits] == [
        ("approve_delete", {"path": "/a"}),
        ("approve_delete_2", {"path": "/b"}),
        ("approve_send", {}),
    ]
    assert before == []
    assert result == "deleted /a and Tool execution was not approved. and sent"
    assert sorted(done) == ["/a", "sent"]


def test_names_come_from_places_whichever_agent_stops_first() -> None:
    done: list[str] = []
    first_waits = [True]
    stopped = asyncio.Event()

    def helper(name: str) -> Any:
        @function_tool
        async def think() -> str:
            # In the first attempt the other one stops before this one does.
            if name == "a" and first_waits:
                await stopped.wait()
            return "thought"

        def needs_approval(*_: Any) -> bool:
            if name == "b":
                stopped.set()
            return True

        async def approving(*_: Any) -> bool:
            return needs_approval()

        @function_tool(needs_approval=approving)
        def send() -> str:
            done.append(name)
            return f"sent by {name}"

        model = Scripted(name, [("think", {})], [("send", {})])
        return Agent(name=name, model=model, tools=[think, send]).as_tool(name, "asks")

    boss = Agent(
        name="boss",
        model=Scripted("boss", [("a", {"input": "q"}), ("b", {"input": "q"})]),
        tools=[helper("a"), helper("b")],
    )
    runner = KitaruRunner(
        boss,
        wait_timeout=0,
        tool_checkpoint_config_by_name={"think": False},
    )

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)
        first_waits.clear()
        asked = [
            wait.metadata["agent"]
            for wait in tester.client.executions.pending_waits(run.exec_id)
        ]
        run.input(False, wait="approve_send")
        run.input(True, wait="approve_send_2")

        assert "sent by b" in run.result
    assert asked == ["a", "b"]
    assert done == ["b"]


def test_approvals_come_one_after_another_where_the_model_asks_so() -> None:
    done: list[str] = []

    @function_tool(needs_approval=True)
    def pay(amount: int) -> str:
        done.append(f"paid {amount}")
        return f"paid {amount}"

    model = Scripted("p", [("pay", {"amount": 1})], [("pay", {"amount": 2})])
    runner = KitaruRunner(Agent(name="payer", model=model, tools=[pay]), wait_timeout=0)

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)
        first = run.waits_for
        run.input(True)
        second = run.waits_for
        run.input(True)

        assert run.result == "paid 1 and paid 2"
    assert (first, second) == ("approve_pay", "approve_pay_2")
    assert done == ["paid 1", "paid 2"]
