"""Each row of the tables in docs/replay.md is one test here, named after the row."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import kitaru
from kitaru import (
    Flow,
    FlowHandle,
    KitaruClient,
    KitaruDivergenceError,
    checkpoint,
    flow,
)
from tests.support.polling import DEADLINE

pytestmark = pytest.mark.usefixtures("engine")

PAGE = Path(__file__).parents[2] / "docs" / "replay.md"
ROW = re.compile(r"^\| ((?:retry|answer|replay|new run): [^|]+?) \|", re.MULTILINE)

ran: list[str] = []
broken: list[str] = []
clock: list[int] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    for noted in (ran, broken, clock):
        noted.clear()


def work(name: str, value: Any) -> Any:
    ran.append(name)
    if name in broken:
        raise LookupError(f"{name} is broken")
    return value


@checkpoint
def first(n: int) -> int:
    return work("first", n + 1)


@checkpoint
def second(n: int, how: object = None) -> int:
    return work("second", n * 10)


@checkpoint
def third(n: int) -> int:
    return work("third", n + 5)


@checkpoint
def fallback() -> int:
    return work("fallback", -1)


@checkpoint
def item(n: int) -> int:
    return work(f"item {n}", n)


def make_plain() -> Flow[..., int]:
    @flow
    def plain(n: int = 1, m: int = 0) -> int:
        return third(second(first(n)) + m)

    return plain


def make_careful() -> Flow[..., int]:
    @flow
    def careful() -> int:
        try:
            n = first(1)
        except LookupError:
            n = fallback()
        return third(n)

    return careful


def make_timed() -> Flow[..., int]:
    @flow
    def timed() -> int:
        clock.append(1)
        return third(second(len(clock)))

    return timed


def make_asking() -> Flow[..., int]:
    @flow
    def asking() -> int:
        n = first(1) + kitaru.wait(schema=int, name="before", timeout=0)
        n = second(n)
        return n + kitaru.wait(schema=int, name="after", timeout=0)

    return asking


def make_mapping() -> Flow[..., list[int]]:
    @flow
    def mapping() -> list[int]:
        return item.map([1, 2, 3]).results()

    return mapping


def started(declared: Flow[..., Any], *args: Any, **inputs: Any) -> FlowHandle[Any]:
    """Run a flow, then mend what was broken and forget what ran."""
    handle = declared.run(*args, **inputs)
    broken.clear()
    ran.clear()
    return handle


def reused(client: KitaruClient, handle: FlowHandle[Any]) -> list[str]:
    calls = client.executions.get(handle.exec_id).checkpoints
    return [call.invocation_id for call in calls if call.reused]


def answered(client: KitaruClient, handle: FlowHandle[Any], *values: int) -> None:
    for value in values:
        client.executions.input(handle.exec_id, value=value)


# -- retry and answers ---------------------------------------------------------


def test_retry_a_completed_call(client: KitaruClient) -> None:
    broken.append("second")
    handle = started(make_plain())

    client.executions.retry(handle.exec_id)

    assert handle.wait() == 25
    assert "first" not in ran


def test_retry_the_failed_call_that_ended_the_attempt(client: KitaruClient) -> None:
    broken.append("second")
    handle = started(make_plain())

    client.executions.retry(handle.exec_id)

    assert ran == ["second", "third"]


def test_retry_a_call_that_the_flow_gave_up_cancelled(client: KitaruClient) -> None:
    broken.append("third")

    @checkpoint
    async def slow(n: int) -> int:
        work("slow", n)
        await asyncio.sleep(0 if len(clock) > 1 else 60)
        return n

    @flow
    async def impatient() -> int:
        clock.append(1)
        try:
            found = await asyncio.wait_for(slow(1), 0.05)
        except TimeoutError:
            found = 2
        return third(found)

    handle = started(impatient)

    client.executions.retry(handle.exec_id)

    assert handle.wait(timeout=DEADLINE) == 6
    assert ran == ["slow", "third"]


def test_retry_a_failed_call_whose_failure_the_flow_caught(
    client: KitaruClient,
) -> None:
    broken.extend(["first", "third"])
    handle = started(make_careful())

    client.executions.retry(handle.exec_id)

    assert handle.wait() == 4
    assert ran == ["third"]


def test_retry_a_completed_call_that_gets_other_arguments_now(
    client: KitaruClient,
) -> None:
    broken.append("third")
    handle = started(make_timed())

    client.executions.retry(handle.exec_id)

    with pytest.raises(KitaruDivergenceError, match=r"'second' .* arguments .*: \(2\)"):
        handle.wait()
    assert ran == []


def test_retry_other_arguments_and_the_call_has_an_id_of_its_own(
    client: KitaruClient,
) -> None:
    broken.append("third")

    @flow
    def named() -> int:
        clock.append(1)
        return third(second(len(clock), id="tenfold"))

    handle = started(named)

    client.executions.retry(handle.exec_id)

    assert handle.wait() == 15
    assert ran == ["third"]


@pytest.mark.parametrize("new", [lambda: datetime.now(UTC), uuid4], ids=["time", "id"])
def test_retry_other_arguments_with_a_time_or_a_uuid_among_them(
    client: KitaruClient, new: Callable[[], object]
) -> None:
    broken.append("third")

    @flow
    def dated() -> int:
        clock.append(1)
        return third(second(len(clock), {"when": [new()]}))

    handle = started(dated)

    client.executions.retry(handle.exec_id)

    assert handle.wait() == 15
    assert ran == ["third"]


def test_retry_concurrent_calls_that_changed_places(client: KitaruClient) -> None:
    broken.append("third")

    @flow
    def shuffled() -> int:
        clock.append(1)
        numbers = [1, 2] if len(clock) == 1 else [2, 1]
        return third(sum(item.map(numbers).results()))

    handle = started(shuffled)

    client.executions.retry(handle.exec_id)

    with pytest.raises(KitaruDivergenceError, match="were those of 'item"):
        handle.wait()
    assert ran == []


def test_retry_concurrent_calls_one_of_which_failed(client: KitaruClient) -> None:
    broken.append("item 2")
    handle = started(make_mapping())

    client.executions.retry(handle.exec_id)

    assert handle.wait() == [1, 2, 3]
    assert ran == ["item 2"]


def test_retry_a_wait_that_was_answered(client: KitaruClient) -> None:
    handle = make_asking().run()
    broken.append("second")
    answered(client, handle, 4)
    broken.clear()

    client.executions.retry(handle.exec_id)

    wait = client.executions.get(handle.exec_id).pending_wait
    assert wait is not None
    assert wait.name == "after"


def test_retry_a_replay_that_failed(client: KitaruClient) -> None:
    plain = make_plain()
    source = started(plain)
    broken.append("third")
    again = started_replay(plain, source, from_="second")

    client.executions.retry(again.exec_id)

    assert again.wait() == 25
    assert ran == ["third"]


def started_replay(
    declared: Flow[..., Any], source: FlowHandle[Any], **wanted: Any
) -> FlowHandle[Any]:
    handle = declared.replay(source.exec_id, **wanted)
    broken.clear()
    ran.clear()
    return handle


def test_answer_calls_made_before_the_wait(client: KitaruClient) -> None:
    handle = started(make_asking())

    answered(client, handle, 4)

    assert ran == ["second"]


# -- replay ----------------------------------------------------------------------


def test_replay_a_completed_call_before_the_anchor(client: KitaruClient) -> None:
    plain = make_plain()
    again = plain.replay(started(plain).exec_id, from_="third")

    assert reused(client, again) == ["first", "second"]


@pytest.mark.parametrize("anchor", ["second", "third"])
def test_replay_the_anchor_and_what_comes_after_it(anchor: str) -> None:
    plain = make_plain()
    plain.replay(started(plain).exec_id, from_=anchor)

    assert ran == ["second", "third"][["second", "third"].index(anchor) :]


def test_replay_other_arguments_before_the_anchor_nothing_changed() -> None:
    timed = make_timed()
    again = timed.replay(started(timed).exec_id, from_="third")

    assert again.wait() == 15
    assert ran == ["third"]


def test_replay_a_caught_failure_before_the_anchor() -> None:
    broken.append("first")
    careful = make_careful()
    again = careful.replay(started(careful).exec_id, from_="third")

    assert again.wait() == 4
    assert ran == ["third"]


def test_replay_a_failure_before_the_anchor_nobody_caught() -> None:
    broken.append("item 1")
    mapping = make_mapping()
    again = mapping.replay(started(mapping).exec_id, from_="item_3")

    assert again.wait() == [1, 2, 3]
    assert sorted(ran) == ["item 1", "item 3"]


@pytest.mark.parametrize("name", ["first", "second", "third"])
def test_replay_an_overridden_call_wherever_it_stands(name: str) -> None:
    plain = make_plain()
    again = plain.replay(
        started(plain).exec_id, from_="second", overrides={f"checkpoint.{name}": 7}
    )

    assert again.wait() == {"first": 75, "second": 12, "third": 7}[name]
    assert name not in ran


def test_replay_a_call_before_the_anchor_that_an_override_reaches() -> None:
    plain = make_plain()
    plain.replay(
        started(plain).exec_id, from_="third", overrides={"checkpoint.first": 7}
    )

    assert ran == ["second", "third"]


def test_replay_a_call_before_the_anchor_that_no_override_reaches(
    client: KitaruClient,
) -> None:
    plain = make_plain()
    again = plain.replay(
        started(plain).exec_id, from_="third", overrides={"checkpoint.second": 7}
    )

    assert reused(client, again) == ["first"]
    assert ran == ["third"]


def test_replay_an_override_equal_to_the_recorded_result(client: KitaruClient) -> None:
    plain = make_plain()
    again = plain.replay(
        started(plain).exec_id, from_="third", overrides={"checkpoint.first": 2}
    )

    assert reused(client, again) == ["second"]


def test_replay_a_call_before_the_anchor_that_a_changed_input_reaches() -> None:
    plain = make_plain()
    again = plain.replay(started(plain).exec_id, from_="third", n=2)

    assert again.wait() == 35
    assert ran == ["first", "second", "third"]


def test_replay_a_call_before_the_anchor_that_no_changed_input_reaches(
    client: KitaruClient,
) -> None:
    plain = make_plain()
    again = plain.replay(started(plain).exec_id, from_="third", m=2)

    assert again.wait() == 27
    assert reused(client, again) == ["first", "second"]


def test_replay_an_input_given_with_its_recorded_value() -> None:
    timed = make_plain()
    again = timed.replay(started(timed, 1).exec_id, from_="third", n=1)

    assert again.wait() == 25
    assert ran == ["third"]


def test_replay_arguments_without_a_fingerprint_behind_a_change() -> None:
    @flow
    def opaque(n: int) -> int:
        return third(second(n, re.compile("x")))

    again = opaque.replay(started(opaque, 1).exec_id, from_="third", n=2)

    assert again.wait() == 15
    assert ran == ["third"]


def test_replay_a_call_the_source_never_made() -> None:
    @flow
    def branching(long: bool) -> int:
        return third(second(1) if long else first(1))

    again = branching.replay(
        started(branching, False).exec_id, from_="third", long=True
    )

    assert again.wait() == 15
    assert ran == ["second", "third"]


def test_replay_concurrent_calls_around_the_anchor(client: KitaruClient) -> None:
    mapping = make_mapping()
    again = mapping.replay(started(mapping).exec_id, from_="item_2")

    assert again.wait() == [1, 2, 3]
    assert reused(client, again) == ["item"]
    assert sorted(ran) == ["item 2", "item 3"]


def test_replay_a_wait(client: KitaruClient) -> None:
    asking = make_asking()
    source = asking.run()
    answered(client, source, 4, 5)

    again = asking.replay(source.exec_id, from_="second")

    wait = client.executions.get(again.exec_id).pending_wait
    assert wait is not None
    assert wait.name == "before"


def test_replay_a_wait_before_the_anchor_with_reuse_waits(
    client: KitaruClient,
) -> None:
    asking = make_asking()
    source = asking.run()
    answered(client, source, 4, 5)

    again = asking.replay(source.exec_id, from_="second", reuse_waits=True)

    wait = client.executions.get(again.exec_id).pending_wait
    assert wait is not None
    assert wait.name == "after"


def test_replay_a_wait_after_the_anchor_with_reuse_waits(client: KitaruClient) -> None:
    asking = make_asking()
    source = asking.run()
    answered(client, source, 4, 5)

    again = asking.replay(source.exec_id, from_="second", reuse_waits=True)
    answered(client, again, 1)

    assert (source.wait(), again.wait()) == (65, 61)


# -- the cache -------------------------------------------------------------------


def make_caching(salt: object) -> Flow[..., int]:
    # The store of the suite remembers other tests.
    @checkpoint(cache=True)
    def costly(n: int, salt: str) -> int:
        return work("costly", n)

    @flow
    def caching(n: int = 1) -> int:
        return first(costly(n, str(salt)))

    return caching


def test_new_run_a_cached_call_with_equal_code_and_inputs(
    client: KitaruClient, tmp_path: Path
) -> None:
    caching = make_caching(tmp_path)
    started(caching)
    again = caching.run()

    assert reused(client, again) == ["costly"]
    assert ran == ["first"]


def test_new_run_a_call_that_is_not_cached() -> None:
    plain = make_plain()
    started(plain)
    plain.run()

    assert ran == ["first", "second", "third"]


def test_replay_a_cached_call_as_the_anchor(tmp_path: Path) -> None:
    caching = make_caching(tmp_path)
    source = started(caching)
    caching.replay(source.exec_id, from_="costly")

    assert ran == ["costly", "first"]


# -- the page --------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["memory"], indirect=True)
def test_every_row_of_the_page_is_a_test() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))

    missing = [row for row in rows if _test_of(row) not in globals()]
    assert missing == []
    assert len(rows) == len(_rows_tested(globals())) > 25


def _test_of(row: str) -> str:
    return "test_" + re.sub(r"[^a-z0-9]+", "_", row.lower()).strip("_")


def _rows_tested(names: dict[str, Callable[..., Any]]) -> Sequence[str]:
    kinds = ("test_retry_", "test_answer_", "test_replay_", "test_new_run_")
    return [name for name in names if name.startswith(kinds)]
