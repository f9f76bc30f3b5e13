"""Sub-agents of deepagents, whose calls are checkpoints of their own."""

from __future__ import annotations

from typing import Any

from deepagents import create_deep_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import interrupt

from kitaru import flow
from kitaru.adapters.langgraph import KitaruGraphRunner
from kitaru.adapters.langgraph.langchain import KitaruLangGraphMiddleware
from kitaru.testing import FlowTester
from tests.adapters.langgraph.agents_of_langchain import Scripted, asked, said

TASK = ("task", {"description": "the subtask", "subagent_type": "helper"})


class Leading(Scripted):
    """Plays the leading agent, and the helper where the subtask is asked for."""

    helping: Any = ()

    def _generate(self, messages: Any, *args: Any, **options: Any) -> Any:
        is_helper = any(
            isinstance(item, HumanMessage) and item.content == "the subtask"
            for item in messages
        )
        turns = self.helping if is_helper else self.turns
        playing = Scripted(
            turns=turns, made=self.made, label="helper" if is_helper else "leader"
        )
        return playing._generate(messages, *args, **options)


def team(made: list[str], *, is_granular: bool, asks: bool = False) -> Any:
    @tool
    def search(query: str) -> str:
        """Search."""
        made.append(f"search {query}")
        return f"{interrupt('Which?')}" if asks else f"found {query}"

    model = Leading(
        turns=[[TASK, TASK]], helping=[[("search", {"query": "x"})]], made=made
    )
    helper: Any = {
        "name": "helper",
        "description": "helps",
        "system_prompt": "Help.",
        "tools": [search],
        "middleware": [KitaruLangGraphMiddleware()] if is_granular else [],
    }
    graph = create_deep_agent(
        model=model,
        tools=[],
        subagents=[helper],
        middleware=[KitaruLangGraphMiddleware()],
        checkpointer=InMemorySaver(),
        name="deep",
    )
    return KitaruGraphRunner(graph, checkpoint_strategy="calls", wait_timeout=0)


def calls_of(run: Any) -> list[str]:
    return sorted(
        name for name in run.ran if name.endswith(("model", "search", "task", ".a1"))
    )


def test_calls_of_sub_agents_are_checkpoints_below_the_call() -> None:
    made: list[str] = []
    runner = team(made, is_granular=True)

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)
        ran, result = calls_of(run), run.result
        made.clear()
        died = tester.run(working, kill_after=ran[-2])
        tester.retry(died)

        assert died.result == result == "found x and found x"
    inner = [name for name in ran if "/" in name]
    assert len(inner) == 6
    assert {name.partition("/")[0].rpartition("tools.")[2] for name in inner} == {
        "t0.task",
        "t1.task",
    }
    assert [name for name in ran if name.endswith("task")] == []
    assert sorted(made) == sorted(
        ["leader 1", "leader 2", *["helper 1", "search x", "helper 2"] * 2]
    )


def test_without_the_middleware_a_task_is_one_checkpoint() -> None:
    made: list[str] = []
    runner = team(made, is_granular=False)

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == "found x and found x"
        tasks = [name for name in run.ran if name.endswith("task")]
        assert len(tasks) == 2
        assert [name for name in run.ran if "/" in name] == []


def test_questions_of_sub_agents_reach_them() -> None:
    runner = team([], is_granular=True, asks=True)

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)
        first = run.waits_for
        run.input("this")
        second = run.waits_for
        result = run.input("that").result

    assert first != second
    assert result == "this and that"
