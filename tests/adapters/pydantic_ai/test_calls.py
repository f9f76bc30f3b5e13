"""Calls of an agent as checkpoints: which, when, and with what kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import Any

import pytest
from pydantic_ai import Agent, ModelRetry, RunContext
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.messages import (
    AgentStreamEvent,
    BinaryContent,
    PartDeltaEvent,
)
from pydantic_ai.models.test import TestModel
from pydantic_ai.toolsets import DynamicToolset, FunctionToolset

import kitaru
from kitaru import checkpoint, flow, save
from kitaru.adapters._shared.boundary import Place, place
from kitaru.adapters.pydantic_ai import CapturePolicy, KitaruAgent, KitaruDurability
from kitaru.testing import FlowTester
from tests.adapters.pydantic_ai.agents import returned, scripted, searcher

CALLS = ["searcher.r1.s1.model", "searcher.r1.s1.t0.search", "searcher.r1.s2.model"]


def ran(body: Any, **options: Any) -> tuple[Any, list[str]]:
    """Run a flow with that body once; return its result and the calls it made."""

    @flow
    def working() -> Any:
        return body()

    with FlowTester() as tester:
        run = tester.run(working, **options)
        return run.result, run.ran


def test_every_request_and_tool_call_is_a_checkpoint() -> None:
    agent = KitaruAgent(searcher([]))

    def working() -> str:
        return agent.run_sync("hi").output

    assert ran(working) == ("['found x']", CALLS)


@pytest.mark.parametrize("point", CALLS)
def test_what_was_done_before_a_kill_is_not_done_again(point: str) -> None:
    made: list[str] = []
    agent = KitaruAgent(searcher(made))

    @flow
    def working() -> str:
        return agent.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working, kill_after=point)
        tester.retry(run)
        result, reused = run.result, run.reused

    assert result == "['found x']"
    assert sorted(made) == ["model 1", "model 2", "search"]
    assert reused == CALLS[: CALLS.index(point) + 1]


def test_the_capability_alone_does_the_same() -> None:
    agent = searcher([], capabilities=[KitaruDurability()])

    def working() -> str:
        return agent.run_sync("hi").output

    assert ran(working) == ("['found x']", CALLS)


def test_outside_a_flow_the_agent_runs_as_it_is() -> None:
    made: list[str] = []
    bare = searcher(made)

    alone = bare.run_sync("hi")
    wrapped = KitaruAgent(bare, name="other").run_sync("hi")

    assert wrapped.output == alone.output
    assert wrapped.usage == alone.usage
    assert [m.parts[0].part_kind for m in wrapped.all_messages()] == [
        m.parts[0].part_kind for m in alone.all_messages()
    ]
    assert sorted(made) == [
        "model 1",
        "model 1",
        "model 2",
        "model 2",
        "search",
        "search",
    ]


def test_the_users_agent_stays_as_it_was() -> None:
    toolset: FunctionToolset[None] = FunctionToolset()
    agent = Agent(scripted(), toolsets=[toolset])
    before = (agent.name, list(agent.toolsets), toolset.id, agent.root_capability)

    ran(lambda: KitaruAgent(agent, name="given").run_sync("hi").output)
    wrapper = KitaruAgent(agent, name="given")
    wrapper.name = "renamed"

    assert (
        agent.name,
        list(agent.toolsets),
        toolset.id,
        agent.root_capability,
    ) == before


def test_inside_a_checkpoint_the_calls_are_noted_there() -> None:
    agent = KitaruAgent(searcher([]))

    @checkpoint
    def step() -> str:
        return agent.run_sync("hi").output

    @flow
    def working() -> str:
        return step()

    with FlowTester() as tester:
        (call,) = tester.run(working).execution.checkpoints

    assert call.usage is not None
    assert call.usage.requests == 2
    assert [note["kind"] for note in call.metadata["agent_calls"].values()] == [
        "model_request",
        "tool_call",
        "model_request",
    ]


def test_usage_is_summed_and_not_counted_again_when_reused() -> None:
    agent = KitaruAgent(searcher([]))

    @flow
    def working() -> str:
        return agent.run_sync("hi").output

    with FlowTester() as tester:
        undisturbed = tester.run(working).execution.usage
        killed = tester.run(working, kill_after=CALLS[1])
        again = tester.retry(killed).execution.usage

    assert undisturbed is not None
    assert undisturbed.requests == 2
    assert again == undisturbed


def test_what_a_policy_says_is_kept_and_nothing_else() -> None:
    def kept(policy: CapturePolicy) -> set[tuple[str, str]]:
        agent = KitaruAgent(searcher([]), capture=policy)

        @flow
        def working() -> str:
            return agent.run_sync("my password is hunter2").output

        with FlowTester() as tester:
            artifacts = tester.run(working).execution.artifacts
            assert all("hunter2" not in repr(a.load()) for a in artifacts)
            return {(a.name, a.save_type) for a in artifacts if a.save_type}

    nothing = CapturePolicy(
        prompts=False, responses=False, tool_arguments=False, usage=False
    )

    saved = {("prompt", "prompt"), ("response", "response"), ("arguments", "input")}
    assert saved <= kept(CapturePolicy())
    assert ("result", "output") in kept(CapturePolicy(tool_results=True))
    assert not saved & kept(nothing)


def test_parallel_equal_calls_of_two_runs_keep_their_ids() -> None:
    made: list[str] = []
    agent = Agent(
        scripted([("wait", {"n": 1}), ("wait", {"n": 1})]), name="waiter", deps_type=str
    )

    @agent.tool
    async def wait(ctx: RunContext[str], n: int) -> str:
        await asyncio.sleep(0.005 if ctx.tool_call_id == "call-0-0" else 0)
        made.append(f"{ctx.deps} {ctx.tool_call_id}")
        return f"{ctx.deps} {ctx.tool_call_id}"

    durable = KitaruAgent(agent)

    @flow
    async def working() -> list[str]:
        results = await asyncio.gather(*(durable.run("hi", deps=d) for d in "ab"))
        return [result.output for result in results]

    with FlowTester() as tester:
        # The second call of the second run ends before the others.
        run = tester.run(working, kill_after="waiter.r2.s1.t1.wait")
        result = tester.retry(run).result

    assert result == ["['a call-0-0', 'a call-0-1']", "['b call-0-0', 'b call-0-1']"]
    assert made.count("b call-0-1") == 1
    assert set(made) == {f"{d} call-0-{n}" for d in "ab" for n in (0, 1)}


def test_a_retry_asked_of_the_model_is_recorded_as_it_was() -> None:
    made: list[str] = []
    agent = Agent(scripted([("flaky", {})], [("flaky", {})], made=made), name="agent")

    @agent.tool
    def flaky(ctx: RunContext[None]) -> str:
        made.append(f"flaky {ctx.retry}")
        if not ctx.retry:
            raise ModelRetry("again")
        return "done"

    durable = KitaruAgent(agent)

    @flow
    def working() -> str:
        return durable.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working, kill_after="agent.r1.s1.t0.flaky")
        tester.retry(run)
        result = run.result

    assert "done" in result
    assert made == ["model 1", "flaky 0", "model 2", "flaky 1", "model 3"]


def test_a_failing_tool_fails_its_checkpoint_and_runs_again() -> None:
    tries: list[int] = []
    agent = Agent(scripted([("charge", {})]), name="agent")

    @agent.tool_plain
    def charge() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("the bank is closed")
        return "paid"

    durable = KitaruAgent(agent)

    @flow
    def working() -> str:
        return durable.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)
        failure = run.execution.failure
        tester.retry(run)
        result, bodies = run.result, run.ran

    assert failure is not None
    assert failure.exception_type.endswith("ConnectionError")
    assert result == "['paid']"
    assert bodies == ["agent.r1.s1.t0.charge", "agent.r1.s2.model"]


def test_retries_of_a_tool_have_one_key() -> None:
    keys: list[str] = []

    def pay() -> str:
        keys.append(kitaru.call_key())
        if len(keys) < 3:
            raise ConnectionError("away")
        return "paid"

    agent = Agent(scripted([("pay", {})]), name="payer", tools=[pay])
    durable = KitaruAgent(agent, tool_checkpoint_config_by_name={"pay": {"retries": 2}})

    @flow
    def working() -> str:
        return durable.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == "['paid']"
        assert keys == [f"{run.exec_id}/payer.r1.s1.t0.pay"] * 3


def test_settings_of_single_tools_win_over_those_of_all() -> None:
    tries: dict[str, int] = {"one": 0, "two": 0, "three": 0}
    agent = Agent(scripted([(name, {}) for name in tries]), name="agent")

    def attempt(name: str) -> str:
        tries[name] += 1
        if tries[name] < 2:
            raise TimeoutError(name)
        return name

    agent.tool_plain(name="one")(lambda: attempt("one"))
    agent.tool_plain(name="two")(lambda: attempt("two"))
    agent.tool_plain(name="three", metadata={"kitaru": {"type": "payment"}})(
        lambda: attempt("three")
    )
    durable = KitaruAgent(
        agent,
        tool_checkpoint_config={"retries": 1},
        tool_checkpoint_config_by_name={"two": {"type": "search"}},
    )

    @flow
    def working() -> str:
        return durable.run_sync("hi").output

    with FlowTester() as tester:
        calls = tester.run(working).execution.checkpoints
        types = {c.invocation_id: (c.checkpoint_type, len(c.attempts)) for c in calls}

    assert types["agent.r1.s1.t0.one"] == ("tool_call", 2)
    assert types["agent.r1.s1.t1.two"] == ("search", 2)
    assert types["agent.r1.s1.t2.three"] == ("payment", 2)
    assert types["agent.r1.s1.model"] == ("model_request", 1)


def test_a_tool_opted_out_by_name_runs_in_the_flow() -> None:
    places: list[Place] = []
    agent = Agent(scripted([("look", {})]), name="agent")

    @agent.tool_plain
    def look() -> str:
        places.append(place())
        return "seen"

    durable = KitaruAgent(agent, tool_checkpoint_config_by_name={"look": False})
    result, calls = ran(lambda: durable.run_sync("hi").output)

    assert (result, places) == ("['seen']", [Place.FLOW])
    assert calls == ["agent.r1.s1.model", "agent.r1.s2.model"]


def test_a_tool_without_a_checkpoint_runs_in_the_flow() -> None:
    places: list[Place] = []
    agent = Agent(scripted([("inside", {}), ("outside", {})]), name="agent")

    @agent.tool_plain
    def inside() -> None:
        places.append(place())
        save("seen", 1)

    @agent.tool_plain(metadata={"kitaru": False})
    def outside() -> None:
        places.append(place())

    _, calls = ran(lambda: KitaruAgent(agent).run_sync("hi").output)

    assert sorted(places) == [Place.CHECKPOINT, Place.FLOW]
    assert "agent.r1.s1.t0.inside" in calls
    assert "agent.r1.s1.t1.outside" not in calls


def test_an_agent_in_a_tool_belongs_to_the_call_of_that_tool() -> None:
    helper = KitaruAgent(Agent(scripted(), name="helper"))
    agent = Agent(scripted([("ask", {}), ("ask", {}), ("whole", {})]), name="agent")

    @agent.tool_plain(metadata={"kitaru": False})
    async def ask() -> str:
        return (await helper.run("hi")).output

    @agent.tool_plain
    async def whole() -> str:
        return (await helper.run("hi")).output

    _, calls = ran(lambda: KitaruAgent(agent).run_sync("hi").output)

    assert set(calls) == {
        "agent.r1.s1.model",
        "agent.r1.s1.t0.ask/helper.r1.s1.model",
        "agent.r1.s1.t1.ask/helper.r1.s1.model",
        "agent.r1.s1.t2.whole",
        "agent.r1.s2.model",
    }


def test_toolsets_made_or_given_at_run_time_are_durable_too() -> None:
    made: list[str] = []

    def toolset(name: str) -> FunctionToolset[None]:
        found: FunctionToolset[None] = FunctionToolset()
        found.add_function(lambda: made.append(name) or name, name=name)
        return found

    agent = Agent(
        scripted([("made", {}), ("given", {})]),
        name="agent",
        toolsets=[DynamicToolset(lambda ctx: toolset("made"))],
    )
    durable = KitaruAgent(agent)

    @flow
    def working() -> str:
        return durable.run_sync("hi", toolsets=[toolset("given")]).output

    with FlowTester() as tester:
        first = tester.run(working)
        run = tester.run(working, kill_after="agent.r1.s2.model")
        made.clear()
        tester.retry(run)
        results, calls = (first.result, run.result), first.ran

    assert results == ("['made', 'given']",) * 2
    assert {"agent.r1.s1.t0.made", "agent.r1.s1.t1.given"} <= set(calls)
    assert made == []


def test_a_model_given_to_a_run_needs_no_registration() -> None:
    agent = KitaruAgent(Agent(scripted(), name="agent"))
    other = TestModel(custom_output_text="from the other")

    result, calls = ran(lambda: agent.run_sync("hi", model=other).output)

    assert result == "from the other"
    assert calls == ["agent.r1.s1.model"]


@pytest.mark.parametrize("model", ["test", TestModel()], ids=["by name", "object"])
def test_an_agent_without_a_model_gets_it_with_the_run(model: Any) -> None:
    agent = KitaruAgent(Agent(name="agent"))

    result, calls = ran(lambda: agent.run_sync("hi", model=model).output)

    assert result == "success (no tool calls)"
    assert calls == ["agent.r1.s1.model"]


def test_a_model_put_in_for_tests_is_used() -> None:
    agent = Agent(scripted(), name="agent")

    def body() -> str:
        with agent.override(model=TestModel(custom_output_text="from the test")):
            return KitaruAgent(agent).run_sync("hi").output

    assert ran(body) == ("from the test", ["agent.r1.s1.model"])


def test_a_conversation_goes_on_with_its_history() -> None:
    agent = KitaruAgent(
        Agent(scripted(end=lambda messages: str(len(messages))), name="agent")
    )

    @flow
    def talking() -> list[str]:
        first = agent.run_sync("one")
        second = agent.run_sync("two", message_history=first.all_messages())
        return [first.output, second.output]

    with FlowTester() as tester:
        run = tester.run(talking, kill_after="agent.r1.s1.model")
        result = tester.retry(run).result

    assert result == ["1", "3"]


def test_a_stream_comes_from_the_record_when_it_is_there() -> None:
    made: list[str] = []
    agent = KitaruAgent(searcher(made))

    @flow
    async def streaming() -> list[str]:
        async with agent.run_stream("hi") as stream:
            texts = [text async for text in stream.stream_text()]
        return texts[-1:]

    with FlowTester() as tester:
        run = tester.run(streaming, kill_after=CALLS[2])
        first = list(made)
        result = tester.retry(run).result

    assert result == ["['found x'] "]
    assert made == first == ["model 1", "search", "model 2"]


def test_a_handler_gets_the_stream_live_and_the_recorded_one_again() -> None:
    seen: list[str] = []

    async def handler(
        ctx: RunContext[None], events: AsyncIterable[AgentStreamEvent]
    ) -> None:
        async for event in events:
            if isinstance(event, PartDeltaEvent):
                seen.append(f"{place()} delta")
            else:
                seen.append(event.event_kind)

    agent = KitaruAgent(searcher([]), event_stream_handler=handler)

    @flow
    def working() -> str:
        return agent.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working, kill_after=CALLS[2])
        live = list(seen)
        seen.clear()
        tester.retry(run)

    assert "checkpoint delta" in live
    assert "function_tool_result" in live
    assert "function_tool_result" in seen
    assert "part_start" in seen
    assert "checkpoint delta" not in seen


@pytest.mark.parametrize(
    ("call", "value", "expected", "again"),
    [
        pytest.param(CALLS[1], "found y", "['found y']", ["model 2"], id="tool"),
        pytest.param(
            CALLS[1],
            {"kind": "tool_return", "result": "found y"},
            "['found y']",
            ["model 2"],
            id="tool, as it is stored",
        ),
        pytest.param(
            CALLS[1], {"kind": "own"}, "[{'kind': 'own'}]", ["model 2"], id="own data"
        ),
        pytest.param(CALLS[0], "no need", "no need", [], id="answer of the model"),
    ],
)
def test_an_override_replaces_a_result_and_what_follows_from_it(
    call: str, value: Any, expected: str, again: list[str]
) -> None:
    made: list[str] = []
    agent = KitaruAgent(searcher(made))

    @checkpoint
    def publish(text: str) -> str:
        return text

    @flow
    def working() -> str:
        return publish(agent.run_sync("hi").output)

    with FlowTester() as tester:
        run = tester.run(working)
        made.clear()
        result = tester.replay(
            run, from_="publish", overrides={f"checkpoint.{call}": value}
        ).result

    assert result == expected
    assert made == again


def test_a_handler_of_deferred_calls_of_the_users_own_comes_first() -> None:
    async def approve(ctx: Any, requests: Any) -> Any:
        return requests.build_results(approve_all=True)

    agent = Agent(
        scripted([("delete", {})]),
        name="agent",
        capabilities=[HandleDeferredToolCalls(approve)],
    )
    agent.tool_plain(name="delete", requires_approval=True)(lambda: "deleted")

    result, _ = ran(lambda: KitaruAgent(agent).run_sync("hi").output)

    assert result == "['deleted']"


def test_the_result_of_a_tool_is_the_same_to_the_model_in_and_outside_a_flow() -> None:
    seen: list[Any] = []

    def note(messages: Any) -> str:
        seen.append(returned(messages))
        return "done"

    agent = Agent(scripted([("look", {})], end=note), name="agent")
    agent.tool_plain(name="look")(lambda: {"a": [1, None, "x"]})

    KitaruAgent(agent).run_sync("hi")
    ran(lambda: KitaruAgent(agent).run_sync("hi").output)

    assert seen == [[{"a": [1, None, "x"]}]] * 2


def test_a_picture_in_a_prompt_is_named_and_not_kept_again() -> None:
    agent = KitaruAgent(Agent(scripted(), name="agent"))
    picture = BinaryContent(b"x" * 999, media_type="image/png")

    @flow
    def working() -> str:
        return agent.run_sync(["What is this?", picture]).output

    with FlowTester() as tester:
        artifacts = tester.run(working).execution.artifacts
        (prompt,) = [a.load() for a in artifacts if a.name == "prompt"]

    assert prompt[0]["parts"][0]["content"][1]["data"] == "<999 bytes>"
