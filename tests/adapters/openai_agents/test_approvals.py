"""Tool calls that need a person's word."""

from __future__ import annotations

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
