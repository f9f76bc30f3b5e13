"""The one way of adapters into Kitaru, from each place it can be taken."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kitaru import checkpoint, flow
from kitaru._core.secrecy.redaction import HIDDEN
from kitaru.adapters._shared import events
from kitaru.adapters._shared.boundary import Boundary, Place, place
from kitaru.testing import FlowTester

BOUNDARY = Boundary({"tool_call": {"retries": 1}})


def call(work: Any, *, awaited: bool) -> Any:
    if not awaited:
        return BOUNDARY.run_sync("tool_call", "agent.search", "agent.r1.t0", work)

    async def awaiting() -> Any:
        return work()

    return asyncio.run(
        BOUNDARY.run("tool_call", "agent.search", "agent.r1.t0", awaiting)
    )


both_ways = pytest.mark.parametrize(
    "awaited", [False, True], ids=["blocking", "awaited"]
)


@both_ways
def test_outside_a_flow_it_is_a_plain_call(awaited: bool) -> None:
    assert call(place, awaited=awaited) is Place.OUTSIDE


@both_ways
def test_in_a_flow_it_is_a_checkpoint(awaited: bool) -> None:
    @flow
    def working() -> str:
        return str(call(place, awaited=awaited))

    with FlowTester() as tester:
        run = tester.run(working)
        result, (made,) = run.result, run.execution.checkpoints

    assert result == "checkpoint"
    assert (made.invocation_id, made.name, made.checkpoint_type) == (
        "agent.r1.t0",
        "agent.search",
        "tool_call",
    )


@both_ways
def test_in_a_checkpoint_it_is_noted_there(awaited: bool) -> None:
    @checkpoint
    def step() -> str:
        return str(call(place, awaited=awaited))

    @flow
    def working() -> str:
        return step()

    with FlowTester() as tester:
        (made,) = tester.run(working).execution.checkpoints

    note = made.metadata[events.EVENTS]["agent.r1.t0"]
    assert (note["kind"], note["name"], note["outcome"]) == (
        "tool_call",
        "agent.search",
        "completed",
    )


@both_ways
def test_a_failure_keeps_its_type_and_loses_its_secrets(awaited: bool) -> None:
    secret = "hunter" + "2" * 9

    def refuse() -> None:
        raise LookupError(f"no password={secret} here")

    caught: list[str] = []

    @flow
    def working() -> None:
        with pytest.raises(LookupError) as info:
            call(refuse, awaited=awaited)
        caught.append(str(info.value))

    with FlowTester() as tester:
        (made,) = tester.run(working).execution.checkpoints

    assert caught == [f"no password={HIDDEN} here"]
    assert len(made.attempts) == 2
    assert secret not in made.model_dump_json()


def test_cancelled_work_stores_nothing_and_runs_again() -> None:
    tries: list[int] = []

    async def slow() -> str:
        tries.append(1)
        if len(tries) == 1:
            await asyncio.sleep(60)
        return "done"

    @flow
    async def working() -> str:
        try:
            async with asyncio.timeout(0.01):
                return await BOUNDARY.run("tool_call", "a", "a.1", slow)
        except TimeoutError:
            return await BOUNDARY.run("tool_call", "a", "a.2", slow)

    with FlowTester() as tester:
        run = tester.run(working)
        result, calls = run.result, run.execution.checkpoints

    assert result == "done"
    assert [(made.invocation_id, made.status) for made in calls] == [
        ("a.1", "cancelled"),
        ("a.2", "completed"),
    ]


def test_notes_on_a_checkpoint_come_to_an_end() -> None:
    @checkpoint
    def step() -> None:
        for number in range(150):
            BOUNDARY.run_sync("tool_call", "a", f"a.{number}", lambda: None)

    @flow
    def working() -> None:
        step()

    with FlowTester() as tester:
        (made,) = tester.run(working).execution.checkpoints

    assert len(made.metadata[events.EVENTS]) == 100
