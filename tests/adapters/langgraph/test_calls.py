"""Calls of LangChain agents as checkpoints: which, when, and how they go on."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

import pytest
from langchain.agents.middleware import ToolErrorMiddleware, ToolRetryMiddleware
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.types import Command
from pydantic import BaseModel

import kitaru
from kitaru import checkpoint, flow
from kitaru.adapters._shared.boundary import Place, place
from kitaru.adapters.langgraph import (
    CapturePolicy,
    KitaruGraphRunner,
    LangGraphRunResult,
)
from kitaru.errors import KitaruUserCodeError
from kitaru.testing import FlowTester
from tests.adapters.langgraph.agents_of_langchain import agent, asked, said
from tests.support.polling import DEADLINE

CALLS = [
    "searcher.r1.s1.model",
    "searcher.r1.s2.tools.t0.search",
    "searcher.r1.s2.tools.t1.search",
    "searcher.r1.s3.model",
]


class Report(BaseModel):
    found: list[str]


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


def test_every_request_and_tool_call_is_a_checkpoint() -> None:
    runner = searcher()

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)
        result, ran, execution = run.result, run.ran, run.execution

    assert result == "found x and found x"
    assert sorted(ran) == CALLS
    assert Counter(call.checkpoint_type for call in execution.checkpoints) == {
        "model_request": 2,
        "tool_call": 2,
    }
    assert execution.usage is not None
    assert (execution.usage.requests, execution.usage.input_tokens) == (2, 20)
    assert execution.usage.cost


@pytest.mark.parametrize("is_async", [False, True], ids=["called", "awaited"])
@pytest.mark.parametrize("point", CALLS)
def test_what_was_done_before_a_kill_is_not_done_again(
    point: str, is_async: bool
) -> None:
    made: list[str] = []
    runner = searcher(made)
    results: list[LangGraphRunResult] = []

    def working() -> str:
        results.append(runner.invoke(asked()))
        return said(results[-1])

    async def aworking() -> str:
        results.append(await runner.ainvoke(asked()))
        return said(results[-1])

    with FlowTester() as tester:
        run = tester.run(flow(aworking if is_async else working), kill_after=point)
        tester.retry(run)
        result, reused, usage = run.result, run.reused, run.execution.usage

    assert result == "found x and found x"
    assert point in reused
    assert made.count("m 1") == made.count("m 2") == 1
    assert usage is not None
    assert usage.requests == 2
    assert results[-1].usage.requests == 2


def test_outside_a_flow_it_is_the_graph_itself() -> None:
    runner = searcher()

    result = runner.invoke(asked())
    awaited = asyncio.run(runner.ainvoke(asked()))
    *events, last = runner.stream(asked(), stream_mode="updates")

    assert said(result) == said(awaited) == said(last) == "found x and found x"
    assert (result.status, result.thread_id, result.usage.requests) == (
        "completed",
        None,
        2,
    )
    assert [list(event) for event in events] == [
        ["model"],
        ["tools"],
        ["tools"],
        ["model"],
    ]


@pytest.mark.parametrize("is_async", [False, True], ids=["called", "awaited"])
@pytest.mark.parametrize(
    "point", ["searcher.r1.s2.tools.t1.look", "searcher.r1.s3.model"]
)
def test_a_handled_failure_of_a_tool_is_an_outcome(point: str, is_async: bool) -> None:
    tries: list[str] = []
    failed = threading.Event()

    @tool
    def pay() -> str:
        """Pay."""
        tries.append("pay")
        raise ValueError("no money")

    @tool
    def look() -> str:
        """Look, after the other has failed and the failure was handled."""
        assert failed.wait(DEADLINE)
        return "looked"

    class Ends(BaseCallbackHandler):
        def on_chain_end(self, outputs: Any, **told: Any) -> None:
            if "no money" in str(outputs):
                failed.set()

    handling = ToolErrorMiddleware(on_error=lambda error, _: str(error))
    graph = agent([[("pay", {}), ("look", {})]], [pay, look], before=[handling])
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls")
    config = {"callbacks": [Ends()]}

    def working() -> str:
        return said(runner.invoke(asked(), config))

    async def aworking() -> str:
        return said(await runner.ainvoke(asked(), config))

    with FlowTester() as tester:
        run = tester.run(flow(aworking if is_async else working), kill_after=point)
        tester.retry(run)
        result = run.result

    assert result == "no money and looked"
    assert tries == ["pay"]


@pytest.mark.parametrize("is_handled", [True, False], ids=["handled", "left"])
def test_a_failed_tool_is_finished_by_the_commit_of_its_failure(
    is_handled: bool,
) -> None:
    tries: list[str] = []

    @tool
    def pay() -> str:
        """Pay."""
        tries.append("pay")
        raise ValueError("no money")

    handling = ToolErrorMiddleware(on_error=lambda error, _: str(error))
    graph = agent([[("pay", {})]], [pay], before=[handling] if is_handled else [])
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls")

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working, kill_after="searcher.r1.s2.tools.t0.pay")
        tester.retry(run)

        assert tries == ["pay"]
        if is_handled:
            assert run.result == "no money"
            return
        # Nobody made anything of it: it fails the flow, and is done again.
        assert run.status == "failed"
        tester.retry(run)
        assert (run.status, tries) == ("failed", ["pay", "pay"])


def test_a_failure_keeps_its_type() -> None:
    @tool
    def pay() -> str:
        """Pay."""
        raise LookupError("no account")

    runner = KitaruGraphRunner(
        agent([[("pay", {})]], [pay]), checkpoint_strategy="calls"
    )

    @flow
    def working() -> str:
        try:
            return said(runner.invoke(asked()))
        except LookupError as error:
            return f"caught {error}"

    with FlowTester() as tester:
        assert tester.run(working).result == "caught no account"


def test_retries_of_a_tool_see_its_error_and_its_key_stays() -> None:
    keys: list[str] = []

    @tool
    def pay() -> str:
        """Pay."""
        keys.append(kitaru.call_key())
        if len(keys) < 3:
            raise ConnectionError("away")
        return "paid"

    runner = KitaruGraphRunner(
        agent([[("pay", {})]], [pay]),
        checkpoint_strategy="calls",
        tool_checkpoint_config_by_name={"pay": {"retries": 2}},
    )

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        assert tester.run(working).result == "paid"

    assert (len(keys), len(set(keys))) == (3, 1)


def test_a_request_made_again_shifts_no_later_id() -> None:
    failing = [True]
    again = ToolRetryMiddleware(max_retries=1, initial_delay=0, jitter=False)

    @tool
    def look() -> str:
        """Look."""
        if failing:
            failing.pop()
            raise ConnectionError("away")
        return "seen"

    graph = agent([[("look", {})]], [look], before=[again])
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls")

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == "seen"
        assert run.ran == [
            "searcher.r1.s1.model",
            "searcher.r1.s2.tools.t0.look",
            "searcher.r1.s2.tools.t0.look.2",
            "searcher.r1.s3.model",
        ]


def test_structured_output_and_commands_come_back_as_they_were() -> None:
    @tool
    def remember() -> Any:
        """Remember."""
        return Command(update={"messages": [ToolMessage("kept", tool_call_id="1-0")]})

    turns = [[("remember", {})], [("Report", {"found": ["x"]})]]
    graph = agent(turns, [remember], response_format=Report)
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls")
    seen: list[Any] = []

    @flow
    def working() -> list[str]:
        output = runner.invoke(asked()).output
        seen.append([message.content for message in output["messages"]])
        return list(output["structured_response"].found)

    with FlowTester() as tester:
        run = tester.run(working, kill_after="searcher.r1.s3.model")
        tester.retry(run)

        assert run.result == ["x"]

    assert seen[0][2] == "kept"


def test_a_tool_without_a_checkpoint_runs_in_the_flow() -> None:
    places: list[Place] = []

    @tool
    def look() -> str:
        """Look."""
        places.append(place())
        return "seen"

    runner = KitaruGraphRunner(
        agent([[("look", {})]], [look]),
        checkpoint_strategy="calls",
        tool_checkpoint_config_by_name={"look": False},
    )

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.ran == ["searcher.r1.s1.model", "searcher.r1.s3.model"]
    assert places == [Place.FLOW]


def test_overrides_are_texts() -> None:
    runner = searcher()

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)
        tool_of = tester.replay(
            run, from_=CALLS[3], overrides={f"checkpoint.{CALLS[1]}": "lost x"}
        )
        model_of = tester.replay(
            run, from_=CALLS[3], overrides={f"checkpoint.{CALLS[3]}": "I say no"}
        )

        assert tool_of.result == "lost x and found x"
        assert tool_of.ran == [CALLS[3]]
        assert model_of.result == "I say no"


def test_inside_a_checkpoint_it_is_noted_there() -> None:
    runner = searcher()

    @checkpoint
    def step() -> str:
        return said(runner.invoke(asked()))

    @flow
    def working() -> str:
        return step()

    with FlowTester() as tester:
        run = tester.run(working)
        [call] = run.execution.checkpoints
        usage = run.execution.usage

    kinds = [note["kind"] for note in call.metadata["agent_calls"].values()]
    assert Counter(kinds) == {"model_request": 2, "tool_call": 2, "graph_call": 1}
    assert usage is not None
    assert usage.requests == 2


def test_what_is_captured_is_a_choice() -> None:
    policy = CapturePolicy(
        prompts=False,
        responses=False,
        tool_arguments=False,
        tool_results=True,
        usage=False,
    )
    runner = searcher(capture=policy)

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)
        names = [
            (call.invocation_id, [artifact.name for artifact in call.artifacts])
            for call in run.execution.checkpoints
        ]
        usage = run.execution.usage

    kept = {call: set(found) - {call} for call, found in names}
    assert kept[CALLS[1]] == {"result"}
    assert usage is None or not usage.requests


def test_a_flow_that_fails_in_a_model_request_fails_with_its_error() -> None:
    graph = agent(failing=lambda: True)
    runner = KitaruGraphRunner(graph, checkpoint_strategy="calls")

    @flow
    def working() -> str:
        return said(runner.invoke(asked()))

    with FlowTester() as tester:
        run = tester.run(working)
        with pytest.raises(KitaruUserCodeError) as raised:
            _ = run.result

    assert isinstance(raised.value.__cause__, ConnectionError)
