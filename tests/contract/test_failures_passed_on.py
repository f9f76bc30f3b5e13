"""Which failures count as caught, when calls run beside the flow body."""

from __future__ import annotations

import asyncio

import pytest

from kitaru import KitaruClient, checkpoint, flow

pytestmark = pytest.mark.usefixtures("engine")

ran: list[str] = []
broken: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()
    broken[:] = ["picky", "end"]


@checkpoint
def picky(n: int) -> int:
    ran.append(f"picky {n}")
    if n and "picky" in broken:
        raise ValueError(f"no {n}")
    return n


@checkpoint
def double(n: int) -> int:
    ran.append("double")
    return n * 2


@checkpoint
def fallback() -> int:
    ran.append("fallback")
    return -1


@checkpoint
def end(n: int) -> int:
    ran.append("end")
    if "end" in broken:
        raise RuntimeError("not yet")
    return n


def test_a_caught_failure_of_a_submitted_call_is_raised_again(
    client: KitaruClient,
) -> None:
    @flow
    def careful() -> int:
        try:
            n = picky.submit(1).result()
        except ValueError:
            n = fallback()
        return end(n)

    handle = careful.run()
    for _ in range(2):
        client.executions.retry(handle.exec_id)
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == -1
    assert ran == ["picky 1", "fallback", "end", "end", "end", "end"]


def test_a_failure_that_reaches_the_flow_through_a_dependent_call_is_an_outcome(
    client: KitaruClient,
) -> None:
    @flow
    def careful() -> int:
        try:
            n = double.submit(picky.submit(1)).result()
        except ValueError:
            n = fallback()
        return end(n)

    handle = careful.run()
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == -1
    assert ran == ["picky 1", "fallback", "end", "end"]


def test_all_failures_of_a_caught_map_are_outcomes(client: KitaruClient) -> None:
    @flow
    def careful() -> int:
        try:
            n = sum(picky.map([0, 1, 2]).results())
        except ValueError:
            n = fallback()
        return end(n)

    handle = careful.run()
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == -1
    assert sorted(ran) == ["end", "end", "fallback", "picky 0", "picky 1", "picky 2"]


def test_a_failure_the_flow_has_not_asked_for_yet_is_not_caught(
    client: KitaruClient,
) -> None:
    @flow
    def patient() -> int:
        first = picky.submit(1)
        second = double.submit(first)
        second.settle()
        double(3)
        return second.result()

    handle = patient.run()
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == 2
    assert ran == ["picky 1", "double", "picky 1", "double"]


def test_a_call_that_never_began_can_be_caught() -> None:
    @flow
    def careful() -> int:
        try:
            return double.submit().result()
        except TypeError:
            return picky(0)

    assert careful.run().wait() == 0


@pytest.mark.parametrize("gathered", [True, False], ids=["gather", "awaited"])
def test_a_task_beside_a_failed_one_does_not_catch_its_failure(
    client: KitaruClient, gathered: bool
) -> None:
    @checkpoint
    async def fetch(n: int) -> int:
        ran.append(f"fetch {n}")
        if n and "picky" in broken:
            raise ValueError(f"no {n}")
        return n

    @flow
    async def gathering() -> list[int]:
        failed = asyncio.Event()

        async def failing() -> int:
            try:
                return await fetch(1)
            finally:
                failed.set()

        async def going_on() -> int:
            await failed.wait()
            return await fetch(0)

        tasks = [asyncio.create_task(work()) for work in (failing, going_on)]
        if gathered:
            await asyncio.wait(tasks)
            return list(await asyncio.gather(*tasks))
        return [await task for task in reversed(tasks)]

    handle = gathering.run()
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert sorted(handle.wait()) == [0, 1]
    assert ran == ["fetch 1", "fetch 0", "fetch 1"]


def test_the_flow_that_goes_on_has_caught_the_failures_of_its_tasks(
    client: KitaruClient,
) -> None:
    @checkpoint
    async def fetch(n: int) -> int:
        ran.append(f"fetch {n}")
        raise ValueError(f"no {n}")

    @flow
    async def careful() -> int:
        await asyncio.gather(fetch(1), fetch(2), return_exceptions=True)
        return end(5)

    handle = careful.run()
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == 5
    assert ran == ["fetch 1", "fetch 2", "end", "end"]


def test_a_failure_raised_again_after_a_clean_up_needs_a_replay(
    client: KitaruClient,
) -> None:
    @flow
    def tidy() -> int:
        try:
            return picky(1)
        except ValueError:
            fallback()
            raise

    handle = tidy.run()
    broken.clear()
    client.executions.retry(handle.exec_id)
    again = tidy.replay(handle.exec_id, from_="picky")

    assert handle.status == "failed"
    assert again.wait() == 1
    assert ran == ["picky 1", "fallback", "picky 1"]
