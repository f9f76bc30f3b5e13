"""Waits that are over by themselves, and timers, on every engine."""

from __future__ import annotations

import contextvars
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru.errors import (
    KitaruStateError,
    KitaruUsageError,
    KitaruUserCodeError,
    KitaruWaitExpired,
)
from kitaru.models import Execution
from tests.support.polling import DEADLINE

pytestmark = pytest.mark.usefixtures("engine")

SOON = 0.05


def _over(client: KitaruClient, exec_id: str) -> Execution:
    """Return an execution once the time of its open wait is over."""
    wait = client.executions.get(exec_id).pending_wait
    if wait is not None:
        assert wait.expires_at is not None
        time.sleep(max((wait.expires_at - datetime.now(UTC)).total_seconds(), 0))
    return client.executions.get(exec_id)


def test_a_wait_that_nobody_answers_in_time_raises_in_the_flow(
    client: KitaruClient,
) -> None:
    @flow
    def asking() -> str:
        try:
            kitaru.wait(schema=bool, name="ok", expires=SOON, timeout=0)
        except KitaruWaitExpired as error:
            return f"nobody answered {error.wait}"
        return "answered"

    handle = asking.run()
    found = _over(client, handle.exec_id)

    assert handle.wait() == "nobody answered ok"
    (over,) = found.waits
    assert (over.outcome, over.answer, over.surface) == ("expired", None, "clock")
    assert over.answered_at == over.expires_at


def test_a_wait_that_expires_uncaught_fails_the_execution(client: KitaruClient) -> None:
    @flow
    def asking() -> None:
        kitaru.wait(name="ok", expires=SOON, timeout=0)

    handle = asking.run()
    _over(client, handle.exec_id)

    with pytest.raises(KitaruUserCodeError) as caught:
        handle.wait()
    assert isinstance(caught.value.__cause__, KitaruWaitExpired)


def test_a_default_is_the_answer_when_the_time_is_over(client: KitaruClient) -> None:
    @flow
    def asking() -> Any:
        return kitaru.wait(
            schema=list[int], name="ok", expires=SOON, default=[4], timeout=0
        )

    handle = asking.run()
    found = _over(client, handle.exec_id)

    assert handle.wait() == [4]
    assert [(w.outcome, w.answer) for w in found.waits] == [("default", [4])]


def test_an_answer_in_time_is_what_counts(client: KitaruClient) -> None:
    @flow
    def asking() -> bool:
        return bool(
            kitaru.wait(schema=bool, name="ok", expires=3600, default=False, timeout=0)
        )

    handle = asking.run()
    client.executions.input(handle.exec_id, value=True)

    assert handle.wait() is True
    (answered,) = client.executions.get(handle.exec_id).waits
    assert (answered.outcome, answered.surface) == ("answered", "client")


def test_whoever_answers_too_late_is_told_so(client: KitaruClient) -> None:
    @flow
    def asking() -> Any:
        return kitaru.wait(
            schema=bool, name="ok", expires=SOON, default=False, timeout=0
        )

    handle = asking.run()
    time.sleep(SOON)

    with pytest.raises(KitaruStateError, match="'ok' is over since"):
        client.executions.input(handle.exec_id, wait="ok", value=True)

    assert handle.wait() is False


def test_a_wait_expires_in_the_process_that_asks(client: KitaruClient) -> None:
    @flow
    def asking() -> Any:
        return kitaru.wait(schema=bool, expires=0.001, default=True, timeout=DEADLINE)

    handle = asking.run()
    _over(client, handle.exec_id)

    assert handle.wait() is True


def test_what_is_over_is_over_in_every_attempt(client: KitaruClient) -> None:
    broken = [True]

    @checkpoint
    def work() -> str:
        if broken:
            raise OSError("not now")
        return "done"

    @flow
    def asking() -> list[str]:
        path = []
        try:
            kitaru.wait(name="ok", expires=0.001, timeout=DEADLINE)
        except KitaruWaitExpired:
            path.append("expired")
        path.append(work())
        return path

    handle = asking.run()
    assert _over(client, handle.exec_id).status == "failed"
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == ["expired", "done"]
    assert len(client.executions.get(handle.exec_id).waits) == 1


@pytest.mark.shared_rule("until")
@pytest.mark.parametrize(
    "until",
    [0, timedelta(0), datetime.now(UTC) - timedelta(days=1)],
    ids=["seconds", "span", "moment"],
)
def test_a_timer_whose_time_has_passed_is_over_at_once(
    client: KitaruClient, until: Any
) -> None:
    @flow
    def sleeping() -> str:
        kitaru.sleep(until, timeout=0)
        return "awake"

    handle = sleeping.run()

    assert handle.wait() == "awake"
    (slept,) = client.executions.get(handle.exec_id).waits
    assert (slept.name, slept.kind, slept.outcome) == ("sleep", "timer", "expired")


def test_an_execution_that_sleeps_says_until_when(client: KitaruClient) -> None:
    until = datetime.now(UTC) + timedelta(days=3)

    @flow
    def sleeping() -> None:
        kitaru.sleep(until, timeout=0)

    handle = sleeping.run()

    wait = client.executions.get(handle.exec_id).pending_wait
    assert handle.status == "waiting"
    assert wait is not None
    assert (wait.kind, wait.expires_at) == ("timer", until)
    with pytest.raises(KitaruStateError, match="sleeps until"):
        handle.wait()


def test_a_timer_goes_on_when_somebody_looks_after_its_time(
    client: KitaruClient,
) -> None:
    @checkpoint
    def before() -> int:
        return 1

    @flow
    def sleeping() -> int:
        found = before()
        kitaru.sleep(SOON, timeout=0)
        return found + before()

    handle = sleeping.run()
    _over(client, handle.exec_id)

    assert handle.wait() == 2


def test_a_timer_is_ended_early_by_name_only(client: KitaruClient) -> None:
    @flow
    def sleeping() -> str:
        kitaru.sleep(3600, timeout=0)
        return "awake"

    handle = sleeping.run()
    with pytest.raises(KitaruStateError, match="timer"):
        client.executions.input(handle.exec_id)
    assert handle.status == "waiting"

    client.executions.input(handle.exec_id, wait="sleep")

    assert handle.wait() == "awake"


def test_a_replay_does_not_sleep_again_before_its_anchor(client: KitaruClient) -> None:
    @checkpoint
    def work() -> str:
        return "done"

    @flow
    def sleeping() -> str:
        kitaru.sleep(0.001)
        return work()

    first = sleeping.run()
    _over(client, first.exec_id)
    again = sleeping.replay(first.exec_id, from_="work")

    assert again.wait() == "done"
    (slept,) = client.executions.get(again.exec_id).waits
    assert (slept.kind, slept.surface) == ("timer", "replay")


def test_a_moment_that_has_passed_is_refused_before_anything_is_asked(
    client: KitaruClient,
) -> None:
    @flow
    def asking() -> None:
        kitaru.wait(name="ok", expires=datetime.now(UTC) - timedelta(seconds=1))

    handle = asking.run()

    with pytest.raises(KitaruUserCodeError, match=r"'ok': expires=.* is in the past"):
        handle.wait()
    assert client.executions.get(handle.exec_id).waits == ()


WRONG_TERMS: list[tuple[dict[str, Any], str]] = [
    ({"expires": datetime.now()}, "a datetime with a time zone"),
    ({"expires": -1}, "more than 0"),
    ({"expires": 0}, "more than 0"),
    ({"expires": timedelta(days=-1)}, "more than 0"),
    ({"expires": "tomorrow"}, "seconds, a timedelta"),
    ({"expires": True}, "seconds, a timedelta"),
    ({"expires": timedelta(days=10_000)}, "at most a year"),
    ({"default": True}, "never does"),
    ({"expires": 9, "default": 3, "schema": bool}, "does not fit its schema"),
    ({"expires": 9, "default": 3}, "does not fit its schema"),
]
NO_TIMES = [-1, timedelta(-1), datetime.now(), float("nan"), "soon", True]


def test_wrong_terms_change_nothing(client: KitaruClient) -> None:
    told = []

    @flow
    def asking() -> None:
        for wrong, _ in WRONG_TERMS:
            try:
                kitaru.wait(**wrong)
            except KitaruUsageError as error:
                told.append(str(error))

    handle = asking.run()

    assert handle.status == "completed"
    assert [why in text for (_, why), text in zip(WRONG_TERMS, told, strict=True)] == (
        [True] * len(WRONG_TERMS)
    )
    assert client.executions.get(handle.exec_id).waits == ()


def test_a_timer_refuses_what_is_no_time(client: KitaruClient) -> None:
    told = []

    @flow
    def sleeping() -> None:
        for until in NO_TIMES:
            try:
                kitaru.sleep(until)
            except KitaruUsageError as error:
                told.append("until must be seconds or a timedelta" in str(error))

    handle = sleeping.run()

    assert told == [True] * len(NO_TIMES)
    assert client.executions.get(handle.exec_id).waits == ()


def test_an_answer_and_the_clock_do_not_both_win(client: KitaruClient) -> None:
    @flow
    def asking() -> Any:
        return kitaru.wait(schema=int, name="ok", expires=0.2, default=0, timeout=0)

    handle = asking.run()
    told: list[str] = []

    def answer() -> None:
        try:
            client.executions.input(handle.exec_id, wait="ok", value=1)
            told.append("taken")
        except KitaruStateError as error:
            told.append(str(error))

    # Answering takes about as long as there is time left.
    here = contextvars.copy_context()
    thread = threading.Thread(target=here.run, args=[answer])
    time.sleep(0.15)
    thread.start()
    _over(client, handle.exec_id)
    thread.join()

    assert handle.wait() == (1 if told == ["taken"] else 0)
    found = client.executions.get(handle.exec_id)
    assert [wait.outcome for wait in found.waits] == [
        "answered" if told == ["taken"] else "default"
    ]
