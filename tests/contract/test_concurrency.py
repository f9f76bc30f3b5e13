"""Checkpoints beside the flow body, on every engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import kitaru
from kitaru import KitaruClient, checkpoint, flow, unmapped
from kitaru.errors import (
    KitaruContextError,
    KitaruStateError,
    KitaruUserCodeError,
)
from tests.support.polling import DEADLINE

pytestmark = pytest.mark.usefixtures("engine")


@checkpoint
def double(n: int) -> int:
    print(f"doubling {n}")
    kitaru.log(n=n)
    return n * 2


@checkpoint
def add(a: int, b: int) -> int:
    return a + b


@checkpoint
def total(values: list[int]) -> int:
    return sum(values)


def test_map_gives_results_in_input_order_and_ids_in_call_order(
    client: KitaruClient,
) -> None:
    gate = threading.Event()

    @checkpoint
    def turned(n: int) -> int:
        # The first call ends last.
        gate.wait(DEADLINE) if n == 0 else gate.set()
        return n

    @flow
    def mapping() -> list[int]:
        return turned.map(range(3)).results()

    handle = mapping.run()

    assert handle.wait() == [0, 1, 2]
    calls = client.executions.get(handle.exec_id).checkpoints
    assert [c.invocation_id for c in calls] == ["turned", "turned_2", "turned_3"]


def test_map_runs_calls_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=DEADLINE)

    @checkpoint
    def meet(n: int) -> int:
        return together.wait() * 0 + n

    @flow
    def meeting() -> list[int]:
        return meet.map([1, 2, 3]).results()

    assert meeting.run().wait() == [1, 2, 3]


def test_logs_and_metadata_belong_to_their_call(client: KitaruClient) -> None:
    @flow
    def mapping() -> list[int]:
        return double.map([1, 2, 3]).results()

    handle = mapping.run()

    calls = client.executions.get(handle.exec_id).checkpoints
    assert [c.metadata for c in calls] == [{"n": 1}, {"n": 2}, {"n": 3}]
    second = list(client.executions.logs(handle.exec_id, checkpoint="double_2"))
    assert [e.message for e in second] == ["doubling 2"]


def test_futures_are_resolved_and_recorded_as_parents(client: KitaruClient) -> None:
    @flow
    def chaining() -> int:
        one, two = double.submit(1), double.submit(2)
        return total.submit([add(one, two), one]).result()

    handle = chaining.run()

    assert handle.wait() == 8
    calls = {
        c.invocation_id: c for c in client.executions.get(handle.exec_id).checkpoints
    }
    both = {calls["double"].call_id, calls["double_2"].call_id}
    assert set(calls["add"].parent_call_ids) <= both


def test_after_waits_for_a_call_without_using_its_value(client: KitaruClient) -> None:
    @flow
    def ordering() -> int:
        first = double.submit(1)
        return double(2, after=first)

    handle = ordering.run()

    first, second = client.executions.get(handle.exec_id).checkpoints
    assert handle.wait() == 4
    assert second.parent_call_ids == (first.call_id,)


@pytest.mark.shared_rule("make", "expected")
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: add.map([1, 2], [10, 20]), [11, 22]),
        (lambda: add.map((n for n in (1, 2)), b=5), [6, 7]),
        (lambda: total.map(unmapped([1, 2])), "needs at least one iterable"),
        (lambda: add.map([1, 2], unmapped(3)), [4, 5]),
        (lambda: add.product([1, 2], [10, 20]), [11, 21, 12, 22]),
        (lambda: add.map([1, 2], [3]), r"unequal lengths \(2, 1\)"),
        (lambda: double.map("ab"), "cannot map over 'ab'"),
        (lambda: double.map(3), "cannot map over 3"),
    ],
    ids=[
        "lists",
        "generator",
        "all-unmapped",
        "unmapped",
        "product",
        "unequal",
        "text",
        "number",
    ],
)
def test_mapping_over(make: object, expected: object) -> None:
    @flow
    def mapping() -> list[int]:
        return make().results()  # type: ignore[operator]  # a lambda

    handle = mapping.run()

    if isinstance(expected, list):
        assert handle.wait() == expected
        return
    with pytest.raises(KitaruUserCodeError, match=str(expected)):
        handle.wait()


def test_siblings_finish_and_the_first_failure_is_raised_at_the_result(
    client: KitaruClient,
) -> None:
    @checkpoint
    def picky(n: int) -> int:
        if n == 2:
            raise ValueError("no twos")
        return n

    @flow
    def mapping() -> list[int]:
        return picky.map([1, 2, 3]).results()

    handle = mapping.run()

    with pytest.raises(KitaruUserCodeError, match="no twos"):
        handle.wait()
    calls = client.executions.get(handle.exec_id).checkpoints
    assert [c.status for c in calls] == ["completed", "failed", "completed"]


def test_retry_after_a_failed_map_runs_the_failed_calls_only(
    client: KitaruClient,
) -> None:
    ran: list[int] = []
    broken = [True]

    @checkpoint
    def picky(n: int) -> int:
        ran.append(n)
        if n == 2 and broken:
            raise ValueError("no twos")
        return n

    @flow
    def mapping() -> list[int]:
        return picky.map([1, 2, 3]).results()

    handle = mapping.run()
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == [1, 2, 3]
    assert sorted(ran) == [1, 2, 2, 3]


def test_a_wait_starts_when_no_sibling_runs(client: KitaruClient) -> None:
    @flow
    def pausing() -> int:
        futures = double.map([1, 2])
        kitaru.wait(timeout=0)
        return sum(futures.results())

    handle = pausing.run()

    assert handle.status == "waiting"
    calls = client.executions.get(handle.exec_id).checkpoints
    assert [c.status for c in calls] == ["completed", "completed"]
    client.executions.input(handle.exec_id)
    assert handle.wait() == 6


def test_a_submitted_call_nobody_asks_for_is_finished_with_the_flow(
    client: KitaruClient,
) -> None:
    @flow
    def forgetting() -> str:
        double.submit(1)
        return "done"

    handle = forgetting.run()

    assert handle.wait() == "done"
    (call,) = client.executions.get(handle.exec_id).checkpoints
    assert call.status == "completed"


def test_a_result_that_takes_too_long_leaves_the_call_running() -> None:
    gate = threading.Event()

    @checkpoint
    def slow() -> int:
        gate.wait(DEADLINE)
        return 1

    @flow
    def impatient() -> int:
        future = slow.submit()
        with pytest.raises(KitaruStateError, match="has no result after"):
            future.result(timeout=0.01)
        gate.set()
        return future.result()

    assert impatient.run().wait() == 1


def test_async_checkpoints_gather(client: KitaruClient) -> None:
    @checkpoint
    async def fetch(n: int) -> int:
        await asyncio.sleep(0.01 * (3 - n))
        return n

    @flow
    async def gathering() -> list[int]:
        return list(await asyncio.gather(*(fetch(n) for n in range(3))))

    handle = gathering.run()

    assert handle.wait() == [0, 1, 2]
    calls = client.executions.get(handle.exec_id).checkpoints
    assert [c.invocation_id for c in calls] == ["fetch", "fetch_2", "fetch_3"]


def test_async_checkpoints_can_be_submitted() -> None:
    @checkpoint
    async def fetch(n: int) -> int:
        await asyncio.sleep(0)
        return n

    @flow
    async def mixing() -> int:
        future = fetch.submit(1)
        return await future + await fetch(2)

    assert mixing.run().wait() == 3


def test_ctrl_c_keeps_submitted_calls_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KITARU_CONCURRENCY", "1")
    begun: list[int] = []
    gate = threading.Event()

    @checkpoint
    def slow(n: int) -> None:
        begun.append(n)
        gate.wait(DEADLINE)

    @flow
    def mapping() -> None:
        slow.map(range(5))
        gate.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mapping.run()

    assert len(begun) <= 2


def in_a_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def in_a_pool(work: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def in_a_thread_of_a_thread(work: Callable[[], object]) -> None:
    in_a_thread(lambda: in_a_pool(work))


@pytest.mark.parametrize("start", [in_a_thread, in_a_pool, in_a_thread_of_a_thread])
def test_a_thread_of_the_flow_body_is_told_that_it_is_no_part_of_the_flow(
    start: Callable[[Callable[[], object]], None], client: KitaruClient
) -> None:
    refusals: list[str] = []

    def tried(act: Callable[[], object]) -> None:
        try:
            act()
        except KitaruContextError as error:
            refusals.append(str(error))

    def work() -> None:
        tried(lambda: double(1))
        tried(lambda: kitaru.log(n=1))
        tried(lambda: kitaru.wait(name="sure", schema=bool))
        tried(lambda: kitaru.llm("Hello", model="any/model"))

    @flow
    def starting_threads() -> int:
        start(work)
        return double(2)

    handle = starting_threads.run()

    assert handle.wait() == 4
    assert len(refusals) == 4
    for refusal in refusals:
        assert "in a thread that the flow body has started" in refusal
        assert ".submit() or .map()" in refusal
    calls = client.executions.get(handle.exec_id).checkpoints
    assert [call.invocation_id for call in calls] == ["double"]
