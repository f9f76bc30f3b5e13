"""Threads of checkpointers: whose they are, and where a run goes on in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from kitaru import flow
from kitaru.adapters.langgraph import (
    KitaruGraphRunner,
    LangGraphRunRequest,
    build_resume_request,
    wait_for_interrupt,
)
from kitaru.testing import FlowTester
from tests.adapters.langgraph.agents_of_langchain import agent, asked, said

STRATEGIES = pytest.mark.parametrize("strategy", ["graph_call", "calls"])
SEARCH = [("search", {"query": "x"})]


@pytest.fixture
def threads(tmp_path: Path) -> Iterator[SqliteSaver]:
    """A checkpointer that outlives processes."""
    with closing(
        sqlite3.connect(tmp_path / "threads.db", check_same_thread=False)
    ) as database:
        yield SqliteSaver(database)


def searcher(made: list[str], saver: Any, strategy: str = "calls") -> KitaruGraphRunner:
    """Return an agent that searches, asks and answers with what it was asked."""

    @tool
    def search(query: str) -> str:
        """Search."""
        made.append("search")
        return f"found {query}"

    @tool
    def ask() -> str:
        """Ask a person."""
        return str(interrupt("Which?"))

    turns = [SEARCH, [("ask", {})], SEARCH]
    graph = agent(turns, [search, ask], made=made, checkpointer=saver)
    options: Any = {"checkpoint_strategy": strategy, "wait_timeout": 0}
    return KitaruGraphRunner(graph, **options)


POINTS = {
    "calls": [
        "searcher.r1.s1.model",
        "searcher.r1.s2.tools.t0.search",
        "searcher.r1.s3.model",
        "searcher.r1.s4.tools.t0.ask.a1",
        "searcher.r1.s5.model",
        "searcher.r1.s6.tools.t0.search",
        "searcher.r1.s7.model",
    ],
    "graph_call": ["searcher.r1.2"],
}


@pytest.mark.parametrize(
    ("strategy", "point"),
    [(name, point) for name, points in POINTS.items() for point in points],
)
def test_a_thread_that_lasts_goes_on_where_it_stopped(
    strategy: str, point: str, threads: SqliteSaver
) -> None:
    made: list[str] = []
    runner = searcher(made, threads, strategy)

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    question = "searcher.r1.s4.tools[0].interrupt"
    with FlowTester(answers={question: "this"}) as tester:
        run = tester.run(working, kill_after=point)
        tester.retry(run)
        result, answered = run.result, run.answered

    assert result == "found x and this and found x"
    assert answered == [question]
    assert made == ["m 1", "search", "m 2", "m 3", "search", "m 4"]


def test_a_caller_that_answers_itself_is_told_the_same_again(
    threads: SqliteSaver,
) -> None:
    made: list[str] = []

    @tool
    def ask() -> str:
        """Ask a person."""
        return str(interrupt("Which?"))

    graph = agent([[("ask", {})]], [ask], made=made, name="a", checkpointer=threads)
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls", interrupts="return")

    @flow
    def working() -> list[str]:
        first = runner.invoke(asked())
        names = [pending.name for pending in first.interrupts]
        second = runner.invoke(build_resume_request(first, wait_for_interrupt(first)))
        return [*names, first.status, said(second)]

    question = "a.r1.s2.tools[0].interrupt"
    with FlowTester(answers={question: "this"}) as tester:
        run = tester.run(working, kill_after="a.r1.s3.model")
        tester.retry(run)

        assert run.result == [question, "interrupted", "this"]
    assert made == ["m 1", "m 2"]


@STRATEGIES
def test_a_conversation_in_memory_is_there_in_another_process(strategy: str) -> None:
    savers: list[InMemorySaver] = []

    @flow
    def talking() -> list[int]:
        # Each attempt begins with an empty memory, as a new process does.
        savers.append(InMemorySaver())
        graph = agent(end=lambda _: "yes", name="a", checkpointer=savers[-1])
        runner = KitaruGraphRunner(graph, checkpoint_strategy=strategy)  # type: ignore[arg-type]
        results = [
            runner.invoke(LangGraphRunRequest.start(asked(text), thread_id="chat"))
            for text in ("one", "two", "three")
        ]
        return [len(result.output["messages"]) for result in results]

    second = {"calls": "a.r2.s4.model", "graph_call": "a.r2"}[strategy]
    with FlowTester() as tester:
        run = tester.run(talking, kill_after=second)
        tester.retry(run)

        assert run.result == [2, 4, 6]
    assert len(savers) == 2


@STRATEGIES
def test_a_graph_in_memory_is_resumed_in_another_process(strategy: str) -> None:
    made: list[str] = []
    savers: list[InMemorySaver] = []

    @flow
    def working() -> str:
        savers.append(InMemorySaver())
        return said(searcher(made, savers[-1], strategy).invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)
        run.input("this")

        assert run.result == "found x and this and found x"
    assert made == ["m 1", "search", "m 2", "m 3", "search", "m 4"]
    assert len(savers) == 2


def test_an_interrupted_agent_in_a_graph_in_memory_goes_on_elsewhere() -> None:
    made: list[str] = []

    @tool
    def ask() -> str:
        """Ask a person."""
        return str(interrupt("Which?"))

    @flow
    def working() -> str:
        inner = agent([[("ask", {})]], [ask], made=made, name="inner")
        building = StateGraph(MessagesState)
        building.add_node("paint", inner)
        building.add_edge(START, "paint")
        graph = building.compile(checkpointer=InMemorySaver())
        runner = KitaruGraphRunner(graph, name="desk", wait_timeout=0)
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        assert tester.run(working).input("this").result == "this"
    assert made == ["m 1", "m 2"]


def chatting(runner: KitaruGraphRunner) -> Any:
    @flow
    def chatting(text: str) -> list[Any]:
        result = runner.invoke(LangGraphRunRequest.start(asked(text), thread_id="mine"))
        return [said(result), len(result.output["messages"]), result.thread_id]

    return chatting


@STRATEGIES
def test_a_replay_branches_off_the_users_thread(
    strategy: str, threads: SqliteSaver
) -> None:
    made: list[str] = []
    graph = agent([SEARCH], [_search(made)], made=made, checkpointer=threads)
    runner = KitaruGraphRunner(graph, checkpoint_strategy=strategy)  # type: ignore[arg-type]
    body = chatting(runner)

    with FlowTester() as tester:
        one = tester.run(body, "one")
        two = tester.run(body, "two")
        made.clear()
        again = tester.replay(two, from_=two.ran[-1])
        first = tester.replay(one, from_=one.ran[-1])
        after = tester.run(body, "three")

        assert [one.result[1:], two.result[1:]] == [[4, "mine"], [8, "mine"]]
        # It sees what the second began with, once, and not its own end.
        assert again.result == two.result
        assert again.ran == two.ran[-1:]
        # The first began with nothing: a thread of its own.
        assert first.result[:2] == one.result[:2]
        assert first.result[2] == f"mine/{first.exec_id}"
        assert after.result[1] == 12


def test_a_replay_of_several_runs_stays_on_its_branch(threads: SqliteSaver) -> None:
    graph = agent(end=lambda _: "yes", name="a", checkpointer=threads)
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls")
    seen: list[list[str]] = []

    @flow
    def talking() -> int:
        for text in ("one", "two"):
            result = runner.invoke(
                LangGraphRunRequest.start(asked(text), thread_id="chat")
            )
        seen.append([message.content for message in result.output["messages"]])
        return len(result.output["messages"])

    with FlowTester() as tester:
        run = tester.run(talking)
        replay = tester.replay(
            run, from_="a.r2.s4.model", overrides={"checkpoint.a.r1.s1.model": "no"}
        )

        assert (run.result, replay.result) == (4, 4)
    assert seen == [["one", "yes", "two", "yes"], ["one", "no", "two", "yes"]]


def test_a_replay_without_a_thread_has_one_of_its_own(threads: SqliteSaver) -> None:
    made: list[str] = []
    graph = agent([SEARCH], [_search(made)], made=made, checkpointer=threads)
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls")

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)
        made.clear()
        replay = tester.replay(run, from_="searcher.r1.s3.model")

        assert replay.result == run.result
        assert replay.ran == ["searcher.r1.s3.model"]
    assert made == ["m 2"]


def test_nodes_that_had_finished_are_not_run_again(threads: SqliteSaver) -> None:
    made: list[str] = []

    def charge(state: MessagesState) -> Any:
        made.append("charged")
        return {"messages": [HumanMessage("charged")]}

    building = StateGraph(MessagesState)
    building.add_node("charge", charge)
    building.add_node("talk", agent(end=lambda _: "yes", name="inner"))
    building.add_edge(START, "charge")
    building.add_edge("charge", "talk")
    runner = KitaruGraphRunner(
        building.compile(checkpointer=threads), name="desk", checkpoint_strategy="calls"
    )

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working, kill_after="desk.r1.s2.talk/s1.model")
        tester.retry(run)

        assert run.result == "yes"
    assert made == ["charged"]


def _search(made: list[str]) -> Any:
    @tool
    def search(query: str) -> str:
        """Search."""
        made.append("search")
        return f"found {query}"

    return search
