"""What cannot be kept is refused before anything runs, and says what to do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, LocalShellTool, SQLiteSession, function_tool

import kitaru
from kitaru import checkpoint, flow
from kitaru.adapters.openai_agents import (
    KitaruRunner,
    OpenAIRunRequest,
    build_resume_request,
)
from kitaru.errors import KitaruUsageError, KitaruUserCodeError
from kitaru.testing import FlowTester
from tests.adapters import installed
from tests.adapters.openai_agents.agents_of_openai import Scripted


def agent(made: list[str] | None = None, **options: Any) -> Agent[Any]:
    return Agent(
        name="a", model=Scripted("a", made=made, end=lambda _: "yes"), **options
    )


def refusal(runner: KitaruRunner, request: Any = "hi", **options: Any) -> str:
    """Return why a flow refuses the run."""

    @flow
    def working() -> str:
        return runner.run_sync(request, **options).output

    with FlowTester() as tester:
        run = tester.run(working)
        with pytest.raises(KitaruUserCodeError) as raised:
            _ = run.result
    assert isinstance(raised.value.__cause__, KitaruUsageError)
    return str(raised.value.__cause__)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"checkpoint_strategy": "turn"}, "'calls' or 'runner_call'"),
        ({"approvals": "ask"}, "'wait' or 'return'"),
        ({"max_turns": 0}, "max_turns must be a whole number, 1 or more, or None"),
        ({"run_config": {}}, r"run_config must be a RunConfig"),
        ({"wait_timeout": -1}, "wait_timeout must be seconds"),
        ({"capture": True}, "capture must be a CapturePolicy"),
        ({"name": " "}, "name must be a text"),
        ({"strategy": "calls"}, "unknown option 'strategy'"),
        ({"model_checkpoint_config": {"tries": 2}}, "unknown option 'tries'"),
        ({"tool_checkpoint_config_by_name": {"t": {"retries": -1}}}, r"\['t'\]"),
    ],
)
def test_wrong_options_are_refused(options: Any, said: str) -> None:
    with pytest.raises(KitaruUsageError, match=said):
        KitaruRunner(agent(), **options)


def test_what_is_no_agent_is_refused() -> None:
    wrong: Any = "agent"
    with pytest.raises(KitaruUsageError, match=r"takes an agents\.Agent, got str"):
        KitaruRunner(wrong)


def test_a_session_is_refused_in_a_flow_and_works_outside() -> None:
    made: list[str] = []
    runner, session = KitaruRunner(agent(made)), SQLiteSession("s")

    said = refusal(runner, session=session)

    assert "to_input_list()" in said
    assert made == []
    assert runner.run_sync("hi", session=session).output == "yes"


def test_an_unknown_option_of_a_run_is_named() -> None:
    with pytest.raises(KitaruUsageError, match="'turns'; did you mean 'max_turns'"):
        KitaruRunner(agent()).run_sync("hi", turns=3)


def test_a_tool_that_nothing_can_record_is_refused() -> None:
    tool = LocalShellTool(executor=lambda request: "done")

    said = refusal(KitaruRunner(agent(tools=[tool])))

    assert "LocalShellTool" in said
    assert "runner_call" in said


def test_decisions_have_to_be_those_that_are_asked_for() -> None:
    done = KitaruRunner(agent()).run_sync("hi")

    with pytest.raises(KitaruUsageError, match="nothing to resume"):
        build_resume_request(done, {})


def test_a_whole_run_has_no_stream() -> None:
    runner = KitaruRunner(agent(), checkpoint_strategy="runner_call")

    @flow
    async def working() -> None:
        runner.run_streamed(OpenAIRunRequest.start("hi"))

    with FlowTester() as tester:
        run = tester.run(working)
        with pytest.raises(KitaruUserCodeError, match="has no stream"):
            _ = run.result


def test_run_sync_on_a_loop_says_what_to_use() -> None:
    async def running() -> None:
        KitaruRunner(agent()).run_sync("hi")

    with pytest.raises(KitaruUsageError, match="await runner"):
        asyncio.run(running())


def test_an_approval_inside_a_checkpoint_says_where_to_run_the_agent() -> None:
    @function_tool(needs_approval=True)
    def delete() -> str:
        return "deleted"

    model = Scripted("a", [("delete", {})])
    runner = KitaruRunner(Agent(name="a", model=model, tools=[delete]))

    @checkpoint
    def step() -> str:
        return runner.run_sync("hi").output

    @flow
    def working() -> str:
        return step()

    with FlowTester() as tester:
        run = tester.run(working)
        with pytest.raises(KitaruUserCodeError, match="Run the agent from the flow"):
            _ = run.result


def test_a_state_of_the_other_strategy_is_refused() -> None:
    request = OpenAIRunRequest.resume({"original_input": "hi"}, {})

    assert "runner_call" in refusal(KitaruRunner(agent()), request)


def failure(runner: KitaruRunner) -> str:
    """Return why a flow that runs the agent fails."""

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)
        with pytest.raises(KitaruUserCodeError) as raised:
            _ = run.result
    return str(raised.value)


@pytest.mark.parametrize(
    ("opted_out", "said"),
    [(False, r"inside checkpoint 'a.r1.s1.t0.ask'"), (True, "in another thread")],
    ids=["checkpoint", "thread"],
)
def test_a_wait_in_a_tool_fails_the_flow_and_is_no_text_for_the_model(
    opted_out: bool, said: str
) -> None:
    @function_tool
    def ask() -> str:
        return str(kitaru.wait(schema=str))

    made: list[str] = []
    model = Scripted("a", [("ask", {})], made=made)
    by_name: Any = {"ask": False} if opted_out else None
    runner = KitaruRunner(
        Agent(name="a", model=model, tools=[ask]),
        tool_checkpoint_config_by_name=by_name,
    )

    assert said in failure(runner)
    assert made == ["a 1"]


@pytest.mark.parametrize("what", ["session", "shell"])
def test_what_an_agent_in_a_tool_cannot_keep_fails_the_flow(what: str) -> None:
    helper = agent(tools=[LocalShellTool(executor=lambda request: "done")])
    tool = helper.as_tool("help", "helps")
    if what == "session":
        tool = agent().as_tool("help", "helps", session=SQLiteSession("s"))
    made: list[str] = []
    model = Scripted("boss", [("help", {"input": "q"})], made=made)

    said = failure(KitaruRunner(Agent(name="boss", model=model, tools=[tool])))

    assert "leave session= out" in said or "LocalShellTool" in said
    assert made == ["boss 1"]


@pytest.mark.parametrize(
    ("decisions", "said"),
    [({}, "no decision was given for call 'a-0-0'"), ({"x": True}, "no decision")],
    ids=["missing", "other"],
)
def test_decisions_are_those_of_the_calls_that_wait(
    decisions: dict[str, bool], said: str
) -> None:
    @function_tool(needs_approval=True)
    def delete() -> str:
        return "deleted"

    model = Scripted("a", [("delete", {})])
    runner = KitaruRunner(Agent(name="a", model=model, tools=[delete]))
    first = runner.run_sync("hi")

    with pytest.raises(KitaruUsageError, match=said):
        runner.run_sync(build_resume_request(first, decisions))
    with pytest.raises(KitaruUsageError, match="no call 'x' waits"):
        runner.run_sync(build_resume_request(first, {"a-0-0": True, "x": True}))
    allowed = build_resume_request(first, {"a-0-0": True})
    assert runner.run_sync(allowed).output == "deleted"


@pytest.mark.parametrize(
    ("package", "said"),
    [
        pytest.param(None, "which is not installed: pip install", id="missing"),
        pytest.param("", "needs openai-agents >=0.22,<1, but", id="too old"),
    ],
)
def test_a_framework_that_is_missing_or_too_old_says_what_to_install(
    package: str | None, said: str, tmp_path: Path
) -> None:
    last = installed.refusal(
        "agents", package, "kitaru.adapters.openai_agents", tmp_path
    )

    assert said in last
    assert "'kitaru[openai-agents]'" in last
