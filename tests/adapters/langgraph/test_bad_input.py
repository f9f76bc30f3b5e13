"""What cannot be kept is refused before anything runs, and says what to do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

import kitaru
from kitaru import checkpoint, flow
from kitaru.adapters.langgraph import (
    KitaruGraphRunner,
    LangGraphRunRequest,
    build_resume_request,
)
from kitaru.adapters.langgraph.langchain import KitaruLangGraphMiddleware
from kitaru.errors import KitaruContextError, KitaruUsageError, KitaruUserCodeError
from kitaru.testing import FlowTester
from tests.adapters.langgraph.agents_of_langchain import agent, asked, said


@tool
def ask() -> str:
    """Ask a person."""
    return str(interrupt("Which?"))


def asker(**options: Any) -> Any:
    return agent([[("ask", {})]], [ask], name="a", **options)


def building() -> Any:
    found = StateGraph(MessagesState)
    found.add_node("talk", lambda _: {"messages": ["yes"]})
    found.add_edge(START, "talk")
    return found


def refusal(body: Any) -> BaseException:
    """Return why a flow failed."""
    body.__name__ = "working"
    with FlowTester() as tester:
        run = tester.run(flow(body))
        with pytest.raises(KitaruUserCodeError) as raised:
            _ = run.result
    assert raised.value.__cause__ is not None
    return raised.value.__cause__


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"checkpoint_strategy": "turn"}, "'graph_call' or 'calls'"),
        ({"interrupts": "ask"}, "'wait' or 'return'"),
        ({"strategy": "calls"}, "unknown option 'strategy'"),
        ({"capture": True}, "a CapturePolicy"),
        ({"wait_timeout": -1}, "seconds, 0 or more"),
        ({"graph_checkpoint_config": {"tries": 2}}, "unknown option 'tries'"),
        ({"model_checkpoint_config": {"retries": "2"}}, "a whole number"),
        ({"tool_checkpoint_config_by_name": {"t": {"retries": -1}}}, r"\['t'\]"),
        ({"name": ""}, "a text that is not empty"),
    ],
)
def test_wrong_options_are_refused(options: Any, said: str) -> None:
    with pytest.raises(KitaruUsageError, match=said):
        KitaruGraphRunner(agent(), **options)


@pytest.mark.parametrize(
    ("graph", "options", "said"),
    [
        pytest.param(
            "agent", {}, "compiled graph of LangGraph, got str", id="no graph"
        ),
        pytest.param(building(), {}, r"use builder\.compile\(\)", id="not compiled"),
        pytest.param(
            building().compile(interrupt_before=["talk"]),
            {},
            "call interrupt",
            id="stops without a question",
        ),
        pytest.param(
            building().compile(),
            {"checkpoint_strategy": "calls"},
            r"middleware=\[KitaruLangGraphMiddleware\(\)\]",
            id="nothing makes checkpoints",
        ),
    ],
)
def test_a_graph_that_cannot_be_durable_is_refused(
    graph: Any, options: Any, said: str
) -> None:
    with pytest.raises(KitaruUsageError, match=said):
        KitaruGraphRunner(graph, **options)


def test_a_graph_that_runs_elsewhere_is_refused() -> None:
    from langgraph.pregel.remote import RemoteGraph

    remote: Any = RemoteGraph("assistant", url="http://127.0.0.1:1")

    with pytest.raises(KitaruUsageError, match="can be called in a checkpoint"):
        KitaruGraphRunner(remote)


def test_options_of_a_run_are_named() -> None:
    runner = KitaruGraphRunner(agent())

    with pytest.raises(KitaruUsageError, match=r"unknown option 'stream_mode'"):
        runner.invoke(asked(), stream_mode="values")
    with pytest.raises(KitaruUsageError, match="unknown option 'turns'"):
        next(runner.stream(asked(), turns=2))
    with pytest.raises(KitaruUsageError, match="config must be a dict"):
        runner.invoke(asked(), "thread-1")  # type: ignore[arg-type]
    with pytest.raises(KitaruUsageError, match="KitaruLangGraphMiddleware"):
        KitaruLangGraphMiddleware(capture=True)  # type: ignore[arg-type]


def test_an_agent_without_a_runner_is_refused_in_a_flow() -> None:
    made: list[str] = []
    graph = agent(made=made)

    def working() -> str:
        return str(graph.invoke(asked())["messages"][-1].content)

    error = refusal(working)

    assert isinstance(error, KitaruUsageError)
    assert "KitaruGraphRunner(agent" in str(error)
    assert made == []


def test_a_blocking_run_on_a_loop_says_what_to_use() -> None:
    runner = KitaruGraphRunner(agent())

    async def working() -> str:
        return said(runner.invoke(asked()))

    async def streaming() -> str:
        return str(list(runner.stream(asked())))

    assert "runner.ainvoke()" in str(refusal(working))
    assert "runner.astream()" in str(refusal(streaming))


@pytest.mark.parametrize("strategy", ["graph_call", "calls"])
def test_a_question_without_a_checkpointer_says_what_to_give(strategy: Any) -> None:
    runner = KitaruGraphRunner(asker(), checkpoint_strategy=strategy)

    error = refusal(lambda: said(runner.invoke(asked())))

    assert "checkpointer=InMemorySaver()" in str(error)


def test_a_question_inside_a_checkpoint_says_where_to_run_the_graph() -> None:
    runner = KitaruGraphRunner(asker(checkpointer=InMemorySaver()))
    config = {"configurable": {"thread_id": "t"}}

    @checkpoint
    def step() -> str:
        return said(runner.invoke(asked(), config))

    error = refusal(lambda: step())

    assert isinstance(error, KitaruContextError)
    assert "Run the graph from the flow" in str(error)


def test_a_wait_in_a_tool_fails_the_flow_and_says_where_it_is() -> None:
    @tool
    def look() -> str:
        """Look."""
        return str(kitaru.wait(schema=str))

    graph = agent([[("look", {})]], [look], name="a")
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls")

    error = refusal(lambda: said(runner.invoke(asked())))

    assert isinstance(error, KitaruContextError)
    assert "inside checkpoint 'a.r1.s2.tools.t0.look'" in str(error)


def test_a_question_of_an_agent_inside_a_tool_says_how_to_let_it_out() -> None:
    inner = asker()

    @tool
    def consult() -> str:
        """Consult another agent."""
        return str(inner.invoke(asked())["messages"][-1].content)

    graph = agent([[("consult", {})]], [consult], checkpointer=InMemorySaver())
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls")

    error = refusal(lambda: said(runner.invoke(asked())))

    assert isinstance(error, KitaruContextError)
    assert "tool_checkpoint_config_by_name={'consult': False}" in str(error)


def test_answers_have_to_be_those_that_are_asked_for() -> None:
    runner = KitaruGraphRunner(asker(checkpointer=InMemorySaver()), interrupts="return")
    request = LangGraphRunRequest.start(asked(), thread_id="t")
    stopped = runner.invoke(request)
    [pending] = stopped.interrupts
    done = runner.invoke(build_resume_request(stopped, {pending.id: "this"}))

    assert said(done) == "this"
    with pytest.raises(KitaruUsageError, match=r"no answer was given for 'a\.s2"):
        build_resume_request(stopped, {})
    with pytest.raises(KitaruUsageError, match="no interrupt 'other'"):
        build_resume_request(stopped, {pending.id: "this", "other": 1})
    with pytest.raises(KitaruUsageError, match="nothing to resume"):
        build_resume_request(done, {})


def test_what_has_no_thread_cannot_be_resumed() -> None:
    stopped = KitaruGraphRunner(asker(), interrupts="return").invoke(asked())

    with pytest.raises(KitaruUsageError, match="has no checkpointer"):
        build_resume_request(stopped, {stopped.interrupts[0].id: "this"})


def test_a_resume_without_a_checkpointer_is_refused() -> None:
    runner = KitaruGraphRunner(asker(), interrupts="return")

    with pytest.raises(KitaruUsageError, match="has no checkpointer"):
        runner.invoke(LangGraphRunRequest.resume("t", {"a": 1}))


def test_it_runs_outside_a_flow_on_a_loop() -> None:
    async def running() -> str:
        return said(KitaruGraphRunner(agent(end=lambda _: "yes")).invoke(asked()))

    assert asyncio.run(running()) == "yes"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(
            "import sys; sys.modules['langgraph'] = None; ",
            "pip install 'kitaru[langgraph]'",
            id="not installed",
        ),
        pytest.param(
            "import sys, types; "
            "sys.modules['langgraph.errors'] = types.ModuleType('langgraph.errors'); ",
            "needs langgraph >=1.2.20,<2, but ",
            id="too old",
        ),
    ],
)
def test_what_has_to_be_installed_is_said(found: str, said: str) -> None:
    program = f"{found}\n" + textwrap.dedent("""
        from kitaru.errors import KitaruFeatureNotAvailableError
        try:
            import kitaru.adapters.langgraph
        except KitaruFeatureNotAvailableError as error:
            print(error)
    """)

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert said in done.stdout
