"""Any work as a checkpoint with an exact id."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest

from kitaru import (
    KitaruContextError,
    KitaruUsageError,
    KitaruUserCodeError,
    checkpoint,
    flow,
    save,
)
from kitaru.checkpoints import (
    acall_as_checkpoint,
    call_as_checkpoint,
    checked_settings,
)
from kitaru.testing import FlowTester


def test_a_call_has_the_id_name_and_type_it_is_given() -> None:
    @flow
    def calling() -> int:
        return call_as_checkpoint(
            lambda: 3,
            id="agent.r1.s1.model",
            name="agent.model",
            settings={"type": "llm"},
        )

    with FlowTester() as tester:
        run = tester.run(calling)
        result, (call,) = run.result, run.execution.checkpoints

    assert result == 3
    assert (call.invocation_id, call.name, call.checkpoint_type) == (
        "agent.r1.s1.model",
        "agent.model",
        "llm",
    )


def test_concurrent_calls_run_on_the_loop_and_are_reused_by_id() -> None:
    loops, made = set(), []

    async def work(n: int) -> int:
        loops.add(asyncio.get_running_loop())
        # The later ones end first.
        await asyncio.sleep((3 - n) * 0.001)
        save("number", n)
        made.append(n)
        return n

    @flow
    async def calling() -> list[int]:
        calls = [
            acall_as_checkpoint(lambda n=n: work(n), id=f"call {n}", name="call")
            for n in range(3)
        ]
        return await asyncio.gather(*calls)

    with FlowTester() as tester:
        run = tester.run(calling, kill_after="call 1")
        first, loops_used = list(made), len(loops)
        result = tester.retry(run).result

    assert result == [0, 1, 2]
    assert loops_used == 1
    assert made.count(1) == 1
    assert 1 in first


def test_a_failed_call_is_tried_again_as_its_settings_say() -> None:
    tries = []

    async def work() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("busy")
        return "done"

    @flow
    async def calling() -> str:
        return await acall_as_checkpoint(
            work, id="call", name="call", settings={"retries": 2, "retry_delay": 0}
        )

    with FlowTester() as tester:
        run = tester.run(calling)
        result, (call,) = run.result, run.execution.checkpoints

    assert result == "done"
    assert len(call.attempts) == 3


def test_changed_inputs_make_a_call_behind_an_override_run_again() -> None:
    made = []

    def doubled(n: int) -> int:
        made.append(n)
        return n * 2

    @checkpoint
    def number() -> int:
        return 1

    @checkpoint
    def last(n: int) -> int:
        return n

    @flow
    def calling() -> int:
        n = number()
        found = call_as_checkpoint(
            lambda: doubled(n), id="double", name="double", inputs={"n": n}
        )
        same = call_as_checkpoint(lambda: doubled(7), id="same", name="same", inputs=7)
        return last(found + same)

    with FlowTester() as tester:
        run = tester.run(calling)
        result = tester.replay(
            run, from_="last", overrides={"checkpoint.number": 5}
        ).result

    assert result == 24
    assert made == [1, 7, 5]


def test_outside_a_flow_body_it_is_refused() -> None:
    with pytest.raises(KitaruContextError, match="running flow"):
        call_as_checkpoint(lambda: 1, id="a", name="a")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param(
            {"retires": 1},
            "unknown option 'retires'; did you mean 'retries'",
            id="unknown",
        ),
        pytest.param({"retries": -1}, "retries must be a whole number", id="negative"),
        pytest.param({"retries": True}, "retries must be a whole number", id="bool"),
        pytest.param({"timeout": 0}, "timeout must be seconds, more than 0", id="zero"),
        pytest.param(
            {"retry_on": ValueError}, "retry_on must be a tuple", id="no tuple"
        ),
        pytest.param(
            {"runtime": "isolated"}, "unknown option 'runtime'", id="isolated"
        ),
        pytest.param(3, "must be a dict of settings", id="no dict"),
    ],
)
def test_wrong_settings_are_refused(settings: Any, said: str) -> None:
    with pytest.raises(KitaruUsageError, match=said) as caught:
        checked_settings(settings, what="model_checkpoint_config")

    assert "model_checkpoint_config" in str(caught.value)


class Unpicklable(Exception):
    """Cannot be stored: it cannot be made again of its arguments."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")
        self.open = (part for part in ())


both_ways = pytest.mark.parametrize(
    "awaited", [False, True], ids=["blocking", "awaited"]
)


def handled(work: Any, recover: Any, *, awaited: bool, id: str = "a.t0") -> Any:
    """Make a call whose failures are handled, as frameworks of both kinds do."""
    settings: Any = {"retries": 1}
    if not awaited:
        return call_as_checkpoint(
            work, id=id, name="t", settings=settings, recover=recover
        )

    async def awork() -> Any:
        return work()

    async def arecover(error: Exception) -> Any:
        return recover(error)

    return asyncio.run(
        acall_as_checkpoint(awork, id=id, name="t", settings=settings, recover=arecover)
    )


@both_ways
def test_what_is_made_of_a_failure_is_an_outcome(awaited: bool) -> None:
    made: list[str] = []

    def work() -> str:
        made.append("work")
        raise Unpicklable("no", "money")

    @flow
    def calling() -> str:
        found: str = handled(work, lambda error: f"failed: {error}", awaited=awaited)
        return found

    with FlowTester() as tester:
        run = tester.run(calling, kill_after="a.t0")
        tester.retry(run)
        result, (call,) = run.result, run.execution.checkpoints

    assert result == "failed: no money"
    assert made == ["work", "work"]
    assert (call.status, len(call.attempts)) == ("completed", 2)
    failure = call.attempts[-1].failure
    assert failure is not None
    assert failure.message == "no money"


def test_what_is_made_of_a_failure_in_a_thread_is_an_outcome() -> None:
    made: list[str] = []

    def work() -> str:
        made.append("work")
        raise ValueError("no money")

    @flow
    def calling() -> str:
        with ThreadPoolExecutor(1) as pool:
            context = copy_context()
            call = pool.submit(context.run, lambda: handled(work, str, awaited=False))
            return call.result()

    with FlowTester() as tester:
        run = tester.run(calling, kill_after="a.t0")
        tester.retry(run)

        assert run.result == "no money"
    assert made == ["work", "work"]


@both_ways
@pytest.mark.parametrize("raised", [None, KeyError("worse")], ids=["same", "other"])
def test_a_failure_that_is_not_handled_runs_again(
    raised: Exception | None, awaited: bool
) -> None:
    made: list[str] = []

    def work() -> str:
        made.append("work")
        if len(made) < 3:
            raise ValueError("no money")
        return "paid"

    def recover(error: Exception) -> str:
        raise raised or error

    @flow
    def calling() -> str:
        found: str = handled(work, recover, awaited=awaited)
        return found

    with FlowTester() as tester:
        run = tester.run(calling)
        with pytest.raises(KitaruUserCodeError) as failed:
            _ = run.result
        (call,) = run.execution.checkpoints
        tester.retry(run)
        again = run.result

    assert type(failed.value.__cause__) is type(raised or ValueError())
    assert call.failure is not None
    assert call.failure.message == str(raised or "no money")
    assert again == "paid"
