"""Questions of graphs, as waits of the flow."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from kitaru import flow
from kitaru.adapters.langgraph import (
    CapturePolicy,
    KitaruGraphRunner,
    build_resume_request,
    wait_for_interrupt,
)
from kitaru.errors import KitaruWaitValidationError
from kitaru.testing import FlowTester
from tests.adapters.langgraph.agents_of_langchain import agent, asked, said

STRATEGIES = pytest.mark.parametrize("strategy", ["graph_call", "calls"])
COLOUR = "painter.r1.s2.tools[1].interrupt"
SIZE = "painter.r1.s2.tools[2].interrupt"
ANSWERS = {COLOUR: "red", SIZE: "XL"}


@tool
def ask(question: str) -> str:
    """Ask a person."""
    return f"{interrupt({'question': question})} for {question}"


def painter(done: list[str], **options: Any) -> KitaruGraphRunner:
    """Return an agent that prepares, and asks for colour and size at once."""

    @tool
    def prepare() -> str:
        """Prepare."""
        done.append("prepared")
        return "prepared"

    turn = [
        ("prepare", {}),
        ("ask", {"question": "colour"}),
        ("ask", {"question": "size"}),
    ]
    graph = agent([turn], [prepare, ask], name="painter", checkpointer=InMemorySaver())
    return KitaruGraphRunner(graph, wait_timeout=0, **options)


@STRATEGIES
@pytest.mark.parametrize("is_async", [False, True], ids=["called", "awaited"])
def test_each_answer_reaches_its_call(strategy: Any, is_async: bool) -> None:
    done: list[str] = []
    runner = painter(done, checkpoint_strategy=strategy)

    def working() -> str:
        return said(runner.invoke(asked()))

    async def aworking() -> str:
        return said(await runner.ainvoke(asked()))

    with FlowTester(answers=ANSWERS) as tester:
        run = tester.run(flow(aworking if is_async else working))
        result, usage = run.result, run.execution.usage

    assert result == "prepared and red for colour and XL for size"
    assert done == ["prepared"]
    assert usage is not None
    assert usage.requests == 2


@STRATEGIES
def test_what_is_open_says_what_is_asked(strategy: Any) -> None:
    runner = painter([], checkpoint_strategy=strategy)

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        waiting = tester.run(working).execution.pending_wait

    assert waiting is not None
    assert (waiting.name, waiting.question) == (COLOUR, "colour")
    assert waiting.metadata["value"] == {"question": "colour"}


@STRATEGIES
def test_answers_come_in_any_order(strategy: Any) -> None:
    runner = painter([], checkpoint_strategy=strategy)

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)
        run.input("XL", wait=SIZE)
        assert run.waits_for == COLOUR
        assert run.input("red", wait=COLOUR).result == (
            "prepared and red for colour and XL for size"
        )


@STRATEGIES
def test_a_caller_may_answer_itself(strategy: Any) -> None:
    done: list[str] = []
    runner = painter(done, checkpoint_strategy=strategy, interrupts="return")

    @flow
    def working() -> list[str]:
        first = runner.invoke(asked())
        second = runner.invoke(build_resume_request(first, wait_for_interrupt(first)))
        return [first.status, second.status, said(second)]

    end = {"calls": "painter.r1.s3.model", "graph_call": "painter.r1.2"}[strategy]
    with FlowTester(answers=ANSWERS) as tester:
        run = tester.run(working)
        died = tester.run(working, kill_after=end)
        tester.retry(died)

        assert died.result == run.result
        assert died.ran == []
        assert run.result == [
            "interrupted",
            "completed",
            "prepared and red for colour and XL for size",
        ]
    assert done == ["prepared"] * 2


def test_a_tool_may_ask_twice_and_begins_anew_each_time() -> None:
    begun: list[str] = []

    @tool
    def choose() -> str:
        """Choose."""
        begun.append("begun")
        return f"{interrupt('first?')} then {interrupt('second?')}"

    graph = agent([[("choose", {})]], [choose], name="a", checkpointer=InMemorySaver())
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls", wait_timeout=0)

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    place = "a.r1.s2.tools[0].interrupt"
    with FlowTester(answers={place: "one", f"{place}_2": "two"}) as tester:
        run = tester.run(working, kill_after="a.r1.s2.tools.t0.choose.a2")
        tester.retry(run)

        assert run.result == "one then two"
        assert run.answered == [place, f"{place}_2"]
    assert begun == ["begun"] * 3


@STRATEGIES
def test_an_interrupt_with_a_type_is_a_typed_wait(strategy: Any) -> None:
    @tool
    def size() -> str:
        """Ask for a size."""
        return f"size {interrupt('How big?', response_schema=int) + 1}"

    graph = agent([[("size", {})]], [size], name="a", checkpointer=InMemorySaver())
    runner = KitaruGraphRunner(graph, checkpoint_strategy=strategy, wait_timeout=0)

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)
        with pytest.raises(KitaruWaitValidationError):
            run.input("big")
        assert run.input(41).result == "size 42"


@STRATEGIES
def test_one_wait_takes_the_decisions_of_a_person_in_the_loop(strategy: Any) -> None:
    done: list[str] = []

    @tool
    def delete(path: str) -> str:
        """Delete."""
        done.append(path)
        return f"deleted {path}"

    graph = agent(
        [[("delete", {"path": "/a"}), ("delete", {"path": "/b"})]],
        [delete],
        before=[HumanInTheLoopMiddleware(interrupt_on={"delete": True})],
        name="a",
        checkpointer=InMemorySaver(),
    )
    runner = KitaruGraphRunner(
        graph,
        checkpoint_strategy=strategy,
        wait_timeout=0,
        capture=CapturePolicy(tool_arguments=False),
    )

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)
        waiting = run.execution.pending_wait
        with pytest.raises(KitaruWaitValidationError):
            run.input({"decisions": [{"type": "approve"}]})
        run.input(
            {"decisions": [{"type": "approve"}, {"type": "reject", "message": "no"}]}
        )
        result = run.result

    assert waiting is not None
    assert waiting.question is not None
    assert waiting.question.startswith("Allow the calls of tools 'delete', 'delete'?")
    assert "/a" not in str(waiting.metadata)
    assert done == ["/a"]
    assert "deleted /a" in result


@pytest.mark.skipif(
    "interrupt_mode" not in signature(HumanInTheLoopMiddleware).parameters,
    reason="this langchain has no approvals one by one",
)
def test_approvals_one_by_one_come_before_the_calls() -> None:
    done: list[str] = []

    @tool
    def delete(path: str) -> str:
        """Delete."""
        done.append(path)
        return f"deleted {path}"

    asking = HumanInTheLoopMiddleware(
        interrupt_on={"delete": True}, interrupt_mode="per_call"
    )
    turn = [("delete", {"path": "/a"}), ("delete", {"path": "/b"})]
    graph = agent(
        [turn], [delete], before=[asking], name="a", checkpointer=InMemorySaver()
    )
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls", wait_timeout=0)

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    places = [f"a.r1.s3.tools[{index}].interrupt" for index in (0, 1)]
    answers = {places[0]: {"type": "reject"}, places[1]: {"type": "approve"}}
    with FlowTester(answers=answers) as tester:
        run = tester.run(working)

        assert run.result.endswith("deleted /b")
        assert run.ran == [
            "a.r1.s1.model",
            "a.r1.s3.tools.t1.delete.a1",
            "a.r1.s4.model",
        ]
        assert run.execution.waits[0].question == "Allow the call of tool 'delete'?"
    assert done == ["/b"]


@STRATEGIES
def test_a_question_of_an_agent_inside_a_graph_has_its_place(strategy: Any) -> None:
    inner = agent([[("ask", {"question": "colour"})]], [ask], name="inner")
    building = StateGraph(MessagesState)
    building.add_node("start", lambda _: {})
    building.add_node("paint", inner)
    building.add_edge(START, "start")
    building.add_edge("start", "paint")
    graph = building.compile(checkpointer=InMemorySaver())
    runner = KitaruGraphRunner(
        graph, name="desk", checkpoint_strategy=strategy, wait_timeout=0
    )

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    place = "desk.r1.s2.paint/s2.tools[0].interrupt"
    with FlowTester() as tester:
        run = tester.run(working)
        assert run.waits_for == place
        assert run.input("red").result == "red for colour"


def test_side_by_side_each_run_has_its_own_questions() -> None:
    import asyncio

    runner = painter([], checkpoint_strategy="calls")

    @flow
    async def working() -> list[str]:
        found = await asyncio.gather(*[runner.ainvoke(asked()) for _ in range(2)])
        return [said(result) for result in found]

    answers = {
        name.replace("r1", f"r{number}"): f"{answer}{number}"
        for name, answer in ANSWERS.items()
        for number in (1, 2)
    }
    with FlowTester(answers=answers) as tester:
        assert tester.run(working).result == [
            "prepared and red1 for colour and XL1 for size",
            "prepared and red2 for colour and XL2 for size",
        ]


def test_questions_of_a_stream_are_asked_between_its_events() -> None:
    runner = painter([], checkpoint_strategy="calls")

    @flow
    def working() -> str:
        *_, last = runner.stream(asked(), stream_mode="updates")
        return said(last)

    with FlowTester(answers=ANSWERS) as tester:
        assert (
            tester.run(working).result == "prepared and red for colour and XL for size"
        )
