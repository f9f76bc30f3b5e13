"""Ids of calls: where they stand in graphs, agents and tools that are inside others."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Send

from kitaru import flow
from kitaru.adapters.langgraph import KitaruGraphRunner
from kitaru.adapters.langgraph.langchain import KitaruLangGraphMiddleware
from kitaru.testing import FlowTester
from tests.adapters.langgraph.agents_of_langchain import agent, asked, said


def test_an_agent_in_a_graph_has_the_places_of_both() -> None:
    @tool
    def search(query: str) -> str:
        """Search."""
        return f"found {query}"

    inner = agent([[("search", {"query": "x"})]], [search], name="inner")

    def again(state: MessagesState) -> Any:
        return {"messages": [HumanMessage("more")]}

    building = StateGraph(MessagesState)
    building.add_node("research", inner)
    building.add_node("again", again)
    building.add_node("write", inner)
    building.add_edge(START, "research")
    building.add_edge("research", "again")
    building.add_edge("again", "write")
    runner = KitaruGraphRunner(
        building.compile(), name="desk", checkpoint_strategy="calls"
    )

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        assert tester.run(working).ran == [
            "desk.r1.s1.research/s1.model",
            "desk.r1.s1.research/s2.tools.t0.search",
            "desk.r1.s1.research/s3.model",
            "desk.r1.s3.write/s1.model",
            "desk.r1.s3.write/s2.tools.t0.search",
            "desk.r1.s3.write/s3.model",
        ]


def test_agents_sent_out_at_once_keep_their_places() -> None:
    inner = agent(end=lambda _: "done", name="inner")

    building = StateGraph(MessagesState)
    building.add_node("worker", inner)
    building.add_conditional_edges(
        START, lambda _: [Send("worker", asked("one")), Send("worker", asked("two"))]
    )
    runner = KitaruGraphRunner(
        building.compile(), name="desk", checkpoint_strategy="calls"
    )

    @flow
    def working() -> int:
        return len(runner.invoke(asked()).output["messages"])

    with FlowTester() as tester:
        run = tester.run(working)

        assert sorted(run.ran) == [
            "desk.r1.s1.worker[0]/s1.model",
            "desk.r1.s1.worker[1]/s1.model",
        ]
        prompts = {
            call.invocation_id: call.artifacts[0].load()
            for call in run.execution.checkpoints
        }

    assert prompts["desk.r1.s1.worker[0]/s1.model"][0]["content"] == "one"


def test_a_graph_of_ones_own_can_record_its_tools() -> None:
    @tool
    def search(query: str) -> str:
        """Search."""
        return f"found {query}"

    calls = [{"name": "search", "args": {"query": "x"}, "id": f"c{i}"} for i in (0, 1)]
    building = StateGraph(MessagesState)
    building.add_node("ask", lambda _: {"messages": [AIMessage("", tool_calls=calls)]})
    record = KitaruLangGraphMiddleware().wrap_tool_call
    building.add_node("act", ToolNode([search], wrap_tool_call=record))
    building.add_edge(START, "ask")
    building.add_edge("ask", "act")
    runner = KitaruGraphRunner(
        building.compile(), name="own", checkpoint_strategy="calls"
    )

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        assert sorted(tester.run(working).ran) == [
            "own.r1.s2.act.t0.search",
            "own.r1.s2.act.t1.search",
        ]


def test_an_agent_in_a_tool_without_a_checkpoint_has_ids_below_the_call() -> None:
    helper = agent(end=lambda _: "helped", name="helper")

    @tool
    def ask(text: str) -> str:
        """Ask the helper."""
        return str(helper.invoke(asked(text))["messages"][-1].content)

    turns = [[("ask", {"text": "q"}), ("ask", {"text": "q"})]]
    runner = KitaruGraphRunner(
        agent(turns, [ask], name="boss"),
        checkpoint_strategy="calls",
        tool_checkpoint_config_by_name={"ask": False},
    )

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == "helped and helped"
        assert sorted(run.ran) == [
            "boss.r1.s1.model",
            "boss.r1.s2.tools.t0.ask/s1.model",
            "boss.r1.s2.tools.t1.ask/s1.model",
            "boss.r1.s3.model",
        ]


def test_a_runner_inside_a_tool_has_a_run_below_the_call() -> None:
    helper = KitaruGraphRunner(
        agent(end=lambda _: "helped", name="helper", checkpointer=InMemorySaver()),
        checkpoint_strategy="calls",
    )

    @tool
    def ask(text: str) -> str:
        """Ask the helper."""
        return said(helper.invoke(asked(text)))

    turns = [[("ask", {"text": "q"}), ("ask", {"text": "q"})]]
    boss = agent(turns, [ask], name="boss", checkpointer=InMemorySaver())
    runner = KitaruGraphRunner(
        boss,
        checkpoint_strategy="calls",
        tool_checkpoint_config_by_name={"ask": False},
    )

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == "helped and helped"
        assert sorted(run.ran) == [
            "boss.r1.s1.model",
            "boss.r1.s2.tools.t0.ask/helper.r1.s1.model",
            "boss.r1.s2.tools.t1.ask/helper.r1.s1.model",
            "boss.r1.s3.model",
        ]
