"""Calls of OpenAI agents as checkpoints: which, when, and how they go on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    InputGuardrailTripwireTriggered,
    Model,
    ModelProvider,
    RunConfig,
    Runner,
    function_tool,
)
from pydantic import BaseModel

import kitaru
from kitaru import checkpoint, flow
from kitaru.adapters._shared.boundary import Place, place
from kitaru.adapters.openai_agents import (
    CapturePolicy,
    KitaruRunner,
    OpenAIRunRequest,
    OpenAIRunResult,
    OpenAIRunStream,
)
from kitaru.errors import KitaruStateError, KitaruUsageError, KitaruUserCodeError
from kitaru.testing import FlowTester
from tests.adapters.openai_agents.agents_of_openai import Scripted, outputs

CALLS = [
    "searcher.r1.s1.model",
    "searcher.r1.s1.t0.search",
    "searcher.r1.s1.t1.search",
    "searcher.r1.s2.model",
]
TWICE = [("search", {"query": "x"}), ("search", {"query": "x"})]


def searcher(made: list[str], **options: Any) -> Agent[Any]:
    """Return an agent that searches twice at once and then answers."""

    @function_tool
    async def search(query: str) -> str:
        made.append("search")
        return f"found {query}"

    return Agent(
        name="searcher",
        model=Scripted("s", TWICE, made=made),
        tools=[search],
        **options,
    )


def test_every_request_and_tool_call_is_a_checkpoint() -> None:
    runner = KitaruRunner(searcher([]))

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)
        result, ran, execution = run.result, run.ran, run.execution

    assert (result, ran) == ("found x and found x", CALLS)
    assert [call.checkpoint_type for call in execution.checkpoints] == [
        "model_request",
        "tool_call",
        "tool_call",
        "model_request",
    ]
    assert execution.usage is not None
    assert (execution.usage.requests, execution.usage.input_tokens) == (2, 20)
    assert execution.usage.cost


@pytest.mark.parametrize("point", CALLS)
def test_what_was_done_before_a_kill_is_not_done_again(point: str) -> None:
    made: list[str] = []
    runner = KitaruRunner(searcher(made))

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working, kill_after=point)
        tester.retry(run)
        result, reused, usage = run.result, run.reused, run.execution.usage

    assert result == "found x and found x"
    assert point in reused
    assert made.count("s 1") == made.count("s 2") == 1
    assert usage is not None
    assert usage.requests == 2


def test_outside_a_flow_it_is_the_sdks_runner() -> None:
    bare = asyncio.run(Runner.run(searcher([]), "hi"))
    wrapped = KitaruRunner(searcher([])).run_sync("hi")

    assert wrapped.output == bare.final_output
    assert outputs(wrapped.to_input_list()) == outputs(bare.to_input_list())
    assert (wrapped.status, wrapped.usage.requests) == ("completed", 2)


def test_the_users_agents_stay_as_they_were_and_come_back() -> None:
    closer = Agent(name="closer", model=Scripted("c", end=lambda _: "bye"))
    opener = Agent(
        name="opener",
        model=Scripted("o", [("transfer_to_closer", {})]),
        handoffs=[closer],
    )
    before = dict(vars(opener))
    found: list[OpenAIRunResult] = []

    @flow
    def working() -> str:
        found.append(KitaruRunner(opener).run_sync("hi"))
        return found[0].output

    with FlowTester() as tester:
        ran = tester.run(working).ran

    assert ran == ["opener.r1.s1.model", "opener.r1.s2.model"]
    assert found[0].last_agent is closer
    assert vars(opener) == before
    assert type(opener) is Agent


def test_an_agent_as_a_tool_has_checkpoints_below_the_call() -> None:
    helper = Agent(name="helper", model=Scripted("h", end=lambda _: "helped"))
    boss = Agent(
        name="boss",
        model=Scripted("b", [("ask", {"input": "q"}), ("ask", {"input": "q"})]),
        tools=[helper.as_tool("ask", "asks")],
    )

    @flow
    def working() -> str:
        return KitaruRunner(boss).run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)
        result, ran = run.result, run.ran

    assert result == "helped and helped"
    assert sorted(ran) == [
        "boss.r1.s1.model",
        "boss.r1.s1.t0.ask/helper.r1.s1.model",
        "boss.r1.s1.t1.ask/helper.r1.s1.model",
        "boss.r1.s2.model",
    ]


def test_models_that_are_only_named_are_durable_everywhere() -> None:
    class Provider(ModelProvider):
        def get_model(self, model_name: str | None) -> Model:
            return {
                "big": Scripted("b", [("ask", {"input": "q"})]),
                "small": Scripted("s", end=lambda _: "helped"),
            }[model_name or ""]

    config = RunConfig(model_provider=Provider())
    helper = Agent(name="helper", model="small")
    boss = Agent(
        name="boss",
        model="big",
        tools=[helper.as_tool("ask", "asks", run_config=config)],
    )

    @flow
    def working() -> str:
        return KitaruRunner(boss, run_config=config).run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == "helped"
        assert run.ran == [
            "boss.r1.s1.model",
            "boss.r1.s1.t0.ask/helper.r1.s1.model",
            "boss.r1.s2.model",
        ]


@pytest.mark.parametrize("synchronous", [True, False])
def test_a_handled_failure_of_a_tool_is_an_outcome(synchronous: bool) -> None:
    tries: list[str] = []

    @function_tool
    def pay() -> str:
        tries.append("pay")
        raise ValueError("no money")

    agent = Agent(name="payer", model=Scripted("p", [("pay", {})]), tools=[pay])

    @flow
    def blocking() -> str:
        return KitaruRunner(agent).run_sync("hi").output

    @flow
    async def awaiting() -> str:
        return (await KitaruRunner(agent).run("hi")).output

    with FlowTester() as tester:
        # Killed before the flow could go on.
        run = tester.run(
            blocking if synchronous else awaiting, kill_after="payer.r1.s1.t0.pay"
        )
        tester.retry(run)
        result = run.result

    assert "error occurred" in result
    assert tries == ["pay"]


def test_a_tool_that_takes_too_long_is_an_outcome() -> None:
    tries: list[str] = []

    @function_tool(timeout=0.01)
    async def dream() -> str:
        tries.append("dream")
        await asyncio.Event().wait()
        return "never"

    agent = Agent(name="a", model=Scripted("a", [("dream", {})]), tools=[dream])

    @flow
    def working() -> str:
        return KitaruRunner(agent).run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working, kill_after="a.r1.s1.t0.dream")
        tester.retry(run)
        result = run.result

    assert result == asyncio.run(Runner.run(agent, "hi")).final_output
    assert "timed out after 0.01 seconds" in result
    assert tries == ["dream", "dream"]


def test_retries_of_a_tool_see_its_error_and_its_key_stays() -> None:
    keys: list[str] = []

    @function_tool
    def pay() -> str:
        keys.append(kitaru.call_key())
        if len(keys) < 3:
            raise ConnectionError("away")
        return "paid"

    agent = Agent(name="payer", model=Scripted("p", [("pay", {})]), tools=[pay])
    runner = KitaruRunner(agent, tool_checkpoint_config_by_name={"pay": {"retries": 2}})

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        assert tester.run(working).result == "paid"

    assert (len(keys), len(set(keys))) == (3, 1)


def test_a_request_made_again_shifts_no_later_id() -> None:
    failing = [True]

    def fails() -> bool:
        return failing.pop() if failing else False

    agent = Agent(name="a", model=Scripted("a", [("look", {})], failing=fails))
    agent.tools = [function_tool(lambda: "seen", name_override="look")]
    runner = KitaruRunner(agent, model_checkpoint_config={"retries": 1})

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == "seen"
        assert run.ran == ["a.r1.s1.model", "a.r1.s1.t0.look", "a.r1.s2.model"]


def test_a_tool_opted_out_runs_in_the_flow() -> None:
    places: list[Place] = []

    @function_tool
    def look() -> str:
        places.append(place())
        return "seen"

    agent = Agent(name="a", model=Scripted("a", [("look", {})]), tools=[look])
    runner = KitaruRunner(agent, tool_checkpoint_config_by_name={"look": False})

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        assert tester.run(working).ran == ["a.r1.s1.model", "a.r1.s2.model"]
    assert places == [Place.FLOW]


def test_inside_a_checkpoint_it_is_noted_there() -> None:
    runner = KitaruRunner(searcher([]))

    @checkpoint
    def step() -> str:
        return runner.run_sync("hi").output

    @flow
    def working() -> str:
        return step()

    with FlowTester() as tester:
        run = tester.run(working)
        (call,) = run.execution.checkpoints

    assert run.ran == ["step"]
    assert call.metadata["agent_calls"]["searcher"]["outcome"] == "completed"


class Report(BaseModel):
    text: str


@pytest.mark.parametrize("strategy", ["calls", "runner_call"])
def test_structured_output_keeps_its_type(strategy: Any) -> None:
    model = Scripted("a", end=lambda _: '{"text": "all well"}')
    runner = KitaruRunner(
        Agent(name="a", model=model, output_type=Report), checkpoint_strategy=strategy
    )

    @flow
    def working() -> Report:
        found: Report = runner.run_sync("hi").output
        return found

    with FlowTester() as tester:
        assert tester.run(working).result == Report(text="all well")


def test_a_guardrail_still_stops_the_run() -> None:
    guard = InputGuardrail(
        guardrail_function=lambda *_: GuardrailFunctionOutput(
            output_info=None, tripwire_triggered=True
        )
    )
    runner = KitaruRunner(searcher([], input_guardrails=[guard]))

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)
        with pytest.raises(KitaruUserCodeError) as raised:
            _ = run.result

    assert isinstance(raised.value.__cause__, InputGuardrailTripwireTriggered)


def test_a_stream_comes_live_and_its_items_again_from_the_record() -> None:
    made: list[str] = []
    agent = searcher(made)
    runner = KitaruRunner(agent)
    seen: list[list[str]] = []
    streams: list[OpenAIRunStream] = []

    @flow
    async def working() -> str:
        seen.append([])
        streams.append(stream := runner.run_streamed("hi"))
        async for event in stream.stream_events():
            if event.type == "run_item_stream_event":
                seen[-1].append(event.name)
        return str(stream.final_output)

    with FlowTester() as tester:
        run = tester.run(working, kill_after=CALLS[-1])
        tester.retry(run)
        result = run.result

    assert result == "found x and found x"
    assert made.count("s 1") == made.count("s 2") == 1
    assert sorted(seen[0][:4]) == sorted(seen[1][:4])
    assert seen[1].count("tool_output") == 2
    done = streams[-1]
    assert (done.is_complete, done.status) == (True, "completed")
    assert done.last_agent is agent
    assert (done.usage.requests, len(outputs(done.to_input_list()))) == (2, 2)


def test_outside_a_flow_a_stream_is_the_sdks() -> None:
    agent = searcher([])

    async def events(stream: Any) -> list[str]:
        return [event.type async for event in stream.stream_events()]

    async def both() -> tuple[list[str], list[str], OpenAIRunStream]:
        stream = KitaruRunner(agent).run_streamed("hi")
        return (
            await events(stream),
            await events(Runner.run_streamed(agent, "hi")),
            stream,
        )

    ours, theirs, stream = asyncio.run(both())

    assert ours == theirs
    assert stream.output == stream.result.output == "found x and found x"
    assert stream.last_agent is agent


def test_a_stream_is_not_over_before_its_end_and_runs_once() -> None:
    stream = KitaruRunner(searcher([])).run_streamed("hi")

    async def through() -> None:
        async for _ in stream.stream_events():
            pass

    assert (stream.final_output, stream.is_complete) == (None, False)
    with pytest.raises(KitaruStateError, match="go through stream_events"):
        _ = stream.status
    with pytest.raises(KitaruStateError, match="has not begun"):
        stream.cancel()
    asyncio.run(through())
    with pytest.raises(KitaruUsageError, match="call run_streamed"):
        asyncio.run(through())


def test_a_stream_that_is_cancelled_keeps_what_was_finished() -> None:
    made: list[str] = []
    runner = KitaruRunner(searcher(made))
    cancels = [True]

    @flow
    async def working() -> str:
        stream = runner.run_streamed("hi")
        async for event in stream.stream_events():
            if cancels and event.type == "run_item_stream_event":
                cancels.clear()
                stream.cancel("after_turn")
        if stream.final_output is None:
            raise RuntimeError("cancelled")
        return str(stream.final_output)

    with FlowTester() as tester:
        run = tester.run(working)
        first = run.ran
        tester.retry(run)

        assert run.result == "found x and found x"
    assert first == CALLS[:-1]
    assert made.count("s 1") == made.count("s 2") == 1


def test_an_override_replaces_a_result_and_what_follows_from_it() -> None:
    runner = KitaruRunner(searcher([]))

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)
        one = tester.replay(
            run, from_=CALLS[-1], overrides={f"checkpoint.{CALLS[1]}": "nothing"}
        )
        other = tester.replay(
            run, from_=CALLS[-1], overrides={f"checkpoint.{CALLS[0]}": "I know it"}
        )

        assert one.result == "nothing and found x"
        assert other.result == "I know it"


def test_one_checkpoint_for_the_whole_run() -> None:
    made: list[str] = []
    runner = KitaruRunner(searcher(made), checkpoint_strategy="runner_call")
    later: list[Any] = []

    @checkpoint
    def after() -> str:
        return "done"

    @flow
    def working() -> str:
        result = runner.run_sync(OpenAIRunRequest.start("hi"))
        later.append(result)
        return f"{result.output}, {after()}"

    with FlowTester() as tester:
        run = tester.run(working, kill_after="searcher.r1")
        tester.retry(run)
        result, usage = run.result, run.execution.usage

    assert result == "found x and found x, done"
    assert sorted(made) == ["s 1", "s 2", "search", "search"]
    assert usage is not None
    assert (usage.requests, later[-1].usage.requests) == (2, 2)
    assert len(outputs(later[-1].to_input_list())) == 2


@pytest.mark.parametrize("inside", [False, True], ids=["runner_call", "checkpoint"])
def test_requests_of_a_whole_run_have_their_prices_and_count_once(inside: bool) -> None:
    """Those of an agent that is a tool, and after an approval, too."""

    @function_tool(needs_approval=not inside)
    def send() -> str:
        return "sent"

    helper = Agent(name="helper", model=Scripted("h", [("send", {})]), tools=[send])
    boss = Agent(
        name="boss",
        model=Scripted("b", [("ask", {"input": "q"})]),
        tools=[helper.as_tool("ask", "asks")],
    )
    runner = KitaruRunner(boss, checkpoint_strategy="runner_call")

    @checkpoint
    def step() -> str:
        return runner.run_sync("hi").output

    @flow
    def working() -> str:
        return step() if inside else runner.run_sync("hi").output

    with FlowTester(answers={"approve_send": True}) as tester:
        run = tester.run(working)
        result, usage = run.result, run.execution.usage

    assert result == "sent"
    assert usage is not None
    assert (usage.requests, usage.input_tokens, usage.output_tokens) == (4, 40, 20)
    assert (usage.unpriced_requests, bool(usage.cost)) == (0, True)


def test_what_a_policy_says_is_kept_and_nothing_else() -> None:
    policy = CapturePolicy(prompts=False, tool_results=True)
    runner = KitaruRunner(searcher([]), capture=policy)

    @flow
    def working() -> str:
        return runner.run_sync("hi").output

    with FlowTester() as tester:
        calls = tester.run(working).execution.checkpoints
        kept = [
            {a.name: a.load() for a in call.artifacts if a.name != "output"}
            for call in calls[:2]
        ]

    assert "prompt" not in kept[0]
    assert "search({" in kept[0]["response"]
    assert kept[1]["arguments"] == {"query": "x"}
    assert kept[1]["result"] == "found x"
