"""Which failures count as caught, when calls run beside the flow body."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from kitaru import KitaruClient, checkpoint, flow
from kitaru.checkpoints import call_as_checkpoint, unhandled

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


def test_a_failure_raised_again_after_a_clean_up_runs_again(
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
    client.executions.retry(handle.exec_id)
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == 1
    assert ran == ["picky 1", "fallback", "picky 1", "picky 1"]


# -- lines beside the flow's own ---------------------------------------------------


def beside(work: Callable[[], int]) -> Future[int]:
    """Run work in a thread of a pool that goes on living, in a copy of the context."""
    pool = ThreadPoolExecutor(1)
    pools.append(pool)
    return pool.submit(contextvars.copy_context().run, work)


pools: list[ThreadPoolExecutor] = []


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    yield
    for pool in pools:
        pool.shutdown()
    pools.clear()


def handling(work: Callable[[], int]) -> int:
    try:
        return work()
    except ValueError:
        return fallback()


def in_a_thread() -> int:
    return beside(lambda: handling(lambda: picky(1))).result()


def by_the_flow_for_a_thread() -> int:
    return handling(beside(lambda: picky(1)).result)


def in_a_loop_of_its_own() -> int:
    async def main() -> int:
        return handling(lambda: picky(1))

    return asyncio.run(main())


def by_the_parent_of_a_task() -> int:
    async def tool() -> int:
        return picky(1)

    async def main() -> int:
        try:
            return await asyncio.create_task(tool())
        except ValueError:
            return fallback()

    return asyncio.run(main())


def by_a_thread_that_ended() -> int:
    found: list[int] = []
    context = contextvars.copy_context()

    def work() -> None:
        try:
            found.append(picky(1))
        except ValueError:
            found.append(-1)

    thread = threading.Thread(target=context.run, args=(work,))
    thread.start()
    thread.join()
    fallback()
    return found[0]


@pytest.mark.parametrize(
    "handled",
    [
        in_a_thread,
        by_the_flow_for_a_thread,
        in_a_loop_of_its_own,
        by_the_parent_of_a_task,
        by_a_thread_that_ended,
    ],
)
def test_a_failure_handled_beside_the_flows_own_line_is_an_outcome(
    client: KitaruClient, handled: Callable[[], int]
) -> None:
    @flow
    def careful() -> int:
        return end(handled())

    handle = careful.run()
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == -1
    assert ran == ["picky 1", "fallback", "end", "end"]


@pytest.mark.parametrize("is_left", [False, True], ids=["handled", "left"])
def test_a_failure_that_is_handled_from_the_first_needs_no_later_call(
    client: KitaruClient, is_left: bool
) -> None:
    def work() -> int:
        ran.append("picky")
        raise ValueError("no")

    @flow
    def careful() -> int:
        try:
            return call_as_checkpoint(work, id="picky", name="picky", is_handled=True)
        except ValueError as error:
            if is_left:
                unhandled(error)
            raise RuntimeError("not yet") from None

    handle = careful.run()
    client.executions.retry(handle.exec_id)

    assert client.executions.get(handle.exec_id).status == "failed"
    assert ran == ["picky"] * (1 + is_left)


def test_a_failure_that_a_pool_passes_on_runs_again_though_its_thread_went_on(
    client: KitaruClient,
) -> None:
    @flow
    def mapping() -> int:
        with ThreadPoolExecutor(1) as pool:
            context = contextvars.copy_context()
            found = [pool.submit(context.run, picky, n) for n in (1, 0)]
        return sum(future.result() for future in found)

    handle = mapping.run()
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == 1
    assert ran == ["picky 1", "picky 0", "picky 1"]


def test_failures_that_end_the_attempt_as_a_group_run_again(
    client: KitaruClient,
) -> None:
    @checkpoint
    async def fetch(n: int) -> int:
        ran.append(f"fetch {n}")
        if n and "picky" in broken:
            raise ValueError(f"no {n}")
        return n

    @flow
    async def grouped() -> int:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(fetch(n)) for n in (1, 0)]
        return sum(task.result() for task in tasks)

    handle = grouped.run()
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == 1
    assert ran == ["fetch 1", "fetch 0", "fetch 1"]
