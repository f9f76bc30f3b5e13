"""A whole turn as one checkpoint."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.messages import ModelRequest, SystemPromptPart, UserPromptPart

from kitaru import KitaruUsageError, checkpoint, flow
from kitaru.adapters.pydantic_ai import CapturePolicy, KitaruAgent
from kitaru.testing import FlowTester
from tests.adapters.pydantic_ai.agents import scripted, searcher

SECRET = "hunter2hunter2"


class City(BaseModel):
    name: str


def as_turn(agent: Agent[None, Any], **options: Any) -> KitaruAgent[None, Any]:
    return KitaruAgent(agent, granular_checkpoints=False, **options)


def test_a_turn_is_one_checkpoint_and_done_once() -> None:
    made: list[str] = []
    agent = as_turn(searcher(made))

    @flow
    def working() -> tuple[str, int, int]:
        result = agent.run_sync("hi")
        return result.output, result.usage.requests, len(result.new_messages())

    with FlowTester() as tester:
        expected = tester.run(working).result
        made.clear()
        run = tester.run(working, kill_after="searcher.r1")
        result = tester.retry(run).result
        usage = run.execution.usage

    assert result == expected == ("['found x']", 2, 4)
    assert made == ["model 1", "search", "model 2"]
    assert usage is not None
    assert usage.requests == 2


def test_what_a_turn_did_is_noted_on_it_as_the_policy_says() -> None:
    policy = CapturePolicy(tool_results=True)
    agent = as_turn(searcher([]), capture=policy)

    @flow
    def working() -> str:
        return agent.run_sync("hi").output

    with FlowTester() as tester:
        (call,) = tester.run(working).execution.checkpoints

    noted = call.metadata["agent_calls"]
    assert [(key, note["kind"]) for key, note in noted.items()] == [
        ("searcher.s1.model", "model_request"),
        ("searcher.s1.t0.search", "tool_call"),
        ("searcher.s2.model", "model_request"),
    ]
    kept = {artifact.name: artifact.load() for artifact in call.artifacts}
    assert kept["searcher.s1.t0.search.arguments"] == {"query": "x"}
    assert kept["searcher.s1.t0.search.result"] == "found x"


def test_structured_output_keeps_its_type() -> None:
    agent = as_turn(
        Agent(
            scripted([("final_result", {"name": "Rome"})]),
            name="agent",
            output_type=City,
        )
    )

    @flow
    def working() -> City:
        return agent.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working, kill_after="agent.r1")
        result = tester.retry(run).result

    assert result == City(name="Rome")


def test_the_next_turn_sees_the_conversation_as_it_was() -> None:
    seen: list[list[Any]] = []

    def note(messages: list[Any]) -> str:
        seen.append(
            [
                (type(part), part.content)
                for message in messages
                if isinstance(message, ModelRequest)
                for part in message.parts
            ]
        )
        return "ok"

    agent = as_turn(
        Agent(scripted(end=note), name="agent", system_prompt=f"password is {SECRET}")
    )

    @flow
    def talking() -> None:
        first = agent.run_sync(f"my password: {SECRET}")
        agent.run_sync("more", message_history=first.all_messages())

    with FlowTester() as tester:
        tester.run(talking)
        undisturbed = seen[1]
        run = tester.run(talking, kill_after="agent.r1")
        tester.retry(run)
        status = run.status
        kept = [a.load() for a in run.execution.artifacts]

    assert status == "completed"
    assert (
        seen[-1]
        == undisturbed
        == [
            (SystemPromptPart, f"password is {SECRET}"),
            (UserPromptPart, f"my password: {SECRET}"),
            (UserPromptPart, "more"),
        ]
    )
    assert SECRET not in repr(kept)


def test_a_conversation_that_is_handed_on_keeps_all_its_messages() -> None:
    agent = as_turn(Agent(scripted(), name="agent"))

    @flow
    def talking() -> list[int]:
        first = agent.run_sync("one")
        second = agent.run_sync("two", conversation=first.conversation)
        return [len(first.all_messages()), len(second.all_messages())]

    with FlowTester() as tester:
        run = tester.run(talking, kill_after="agent.r2")
        result = tester.retry(run).result

    assert result == [2, 4]


def test_settings_are_those_of_the_turn() -> None:
    tries: list[int] = []

    def flaky(messages: list[Any]) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("busy")
        return "done"

    agent = as_turn(
        Agent(scripted(end=flaky), name="agent"), model_checkpoint_config={"retries": 1}
    )

    @flow
    def working() -> str:
        return agent.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working)
        result, (call,) = run.result, run.execution.checkpoints

    assert result == "done"
    assert len(call.attempts) == 2
    assert call.checkpoint_type == "agent_turn"


def test_a_turn_has_no_stream_and_says_so() -> None:
    agent = as_turn(searcher([]))

    @flow
    async def streaming() -> None:
        async with agent.run_stream("hi"):
            pass

    with FlowTester() as tester:
        failure = tester.run(streaming).execution.failure

    assert failure is not None
    assert "checkpoint_strategy='calls'" in failure.message
    assert failure.exception_type.endswith(KitaruUsageError.__name__)


def test_outside_a_flow_it_streams() -> None:
    with as_turn(searcher([])).run_stream_sync("hi") as stream:
        texts = list(stream.stream_text())

    assert texts[-1] == "['found x'] "


@pytest.mark.parametrize("options", [{}, {"checkpoint_strategy": "turn"}])
def test_both_ways_to_ask_for_turns_are_the_same(options: dict[str, Any]) -> None:
    agent = KitaruAgent(searcher([]), **(options or {"granular_checkpoints": False}))

    @flow
    def working() -> str:
        return agent.run_sync("hi").output

    with FlowTester() as tester:
        ran = tester.run(working).ran

    assert ran == ["searcher.r1"]


def test_an_override_replaces_the_output_of_a_turn() -> None:
    agent = as_turn(searcher([]))

    @checkpoint
    def publish(text: str) -> str:
        return text

    @flow
    def working() -> str:
        return publish(agent.run_sync("hi").output)

    with FlowTester() as tester:
        run = tester.run(working)
        result = tester.replay(
            run, from_="publish", overrides={"checkpoint.searcher.r1": "another"}
        ).result

    assert result == "another"
