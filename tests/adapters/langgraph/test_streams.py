"""Streams of graphs: what they yield, and what becomes durable of it."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.tools import tool

from kitaru import flow
from kitaru.adapters.langgraph import (
    KitaruGraphRunner,
)
from kitaru.testing import FlowTester
from tests.adapters.langgraph.agents_of_langchain import agent, asked, said

TWICE = [("search", {"query": "x"}), ("search", {"query": "x"})]


def searcher(made: list[str] | None = None, **options: Any) -> KitaruGraphRunner:
    """Return an agent that searches twice at once and then answers."""
    lines = [] if made is None else made

    @tool
    def search(query: str) -> str:
        """Search."""
        lines.append("search")
        return f"found {query}"

    graph = agent([TWICE], [search], made=lines)
    return KitaruGraphRunner(graph, checkpoint_strategy="calls", **options)


def test_a_stream_is_that_of_the_graph_and_ends_with_the_result() -> None:
    runner = searcher()
    modes: list[list[str]] = []

    @flow
    def working() -> str:
        *events, last = runner.stream(asked(), stream_mode=["messages", "updates"])
        modes.append(sorted(event[0] for event in events))
        return said(last)

    @flow
    async def aworking() -> str:
        found = [
            event
            async for event in runner.astream(
                asked(), stream_mode=["messages", "updates"]
            )
        ]
        modes.append(sorted(event[0] for event in found[:-1]))
        return said(found[-1])

    with FlowTester() as tester:
        for body in (working, aworking):
            run = tester.run(body, kill_after="searcher.r1.s3.model")
            tester.retry(run)
            assert run.result == "found x and found x"
            assert run.ran == []

    # All was recorded the second time, and the items are the same.
    whole = ["messages"] * 4 + ["updates"] * 4
    assert modes == [whole, whole]


@pytest.mark.parametrize("strategy", ["graph_call", "calls"])
def test_a_consumer_that_leaves_stops_the_graph(strategy: Any) -> None:
    made: list[str] = []
    graph = agent([[]], made=made, name="a")
    runner = KitaruGraphRunner(graph, checkpoint_strategy=strategy)

    @flow
    def working() -> str:
        for event in runner.stream(asked(), stream_mode="values"):
            return str(list(event))
        return "nothing"

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == "['messages']"
        # What was cut off is not stored.
        completed = [c for c in run.execution.checkpoints if c.status == "completed"]
        assert "a.r1" not in [call.invocation_id for call in completed]


def test_a_graph_that_is_one_checkpoint_streams_once() -> None:
    runner = KitaruGraphRunner(agent(end=lambda _: "yes", name="a"))
    counts: list[int] = []

    @flow
    def working() -> str:
        *events, last = runner.stream(asked(), stream_mode="updates")
        counts.append(len(events))
        return said(last)

    with FlowTester() as tester:
        run = tester.run(working, kill_after="a.r1")
        tester.retry(run)

        assert run.result == "yes"
    assert counts == [0]
