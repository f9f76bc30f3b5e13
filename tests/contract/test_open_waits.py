"""Several questions of one flow, open at once, on every engine."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru._core.waits import answered
from kitaru.errors import KitaruStateError, KitaruUsageError, KitaruUserCodeError

pytestmark = pytest.mark.usefixtures("engine")


@checkpoint
def work(part: str) -> str:
    return part


def _two_of_three() -> Any:
    @flow
    def voting() -> dict[str, bool]:
        asked = [
            kitaru.wait.submit(schema=bool, name=name, timeout=0)
            for name in ("legal", "sales", "tech")
        ]
        work("meanwhile")
        first = kitaru.wait.first(asked, 2)
        return {one.name: one.result() for one in first}

    return voting


def test_what_is_submitted_is_open_while_the_flow_goes_on(client: KitaruClient) -> None:
    @flow
    def asking() -> list[Any]:
        one = kitaru.wait.submit(schema=int, name="one", timeout=0)
        two = kitaru.wait.submit(schema=int, name="two", timeout=0)
        done = work("meanwhile")
        return [done, one.result(), two.result(), one.result()]

    handle = asking.run()
    found = client.executions.get(handle.exec_id)
    assert [wait.name for wait in found.pending_waits] == ["one", "two"]
    assert [call.invocation_id for call in found.checkpoints] == ["work"]

    client.executions.input(handle.exec_id, wait="two", value=2)
    assert handle.status == "waiting"
    client.executions.input(handle.exec_id, wait="one", value=1)

    assert handle.wait() == ["meanwhile", 1, 2, 1]


def test_a_flow_goes_on_with_the_first_two_of_three(client: KitaruClient) -> None:
    handle = _two_of_three().run()

    client.executions.input(handle.exec_id, wait="tech", value=True)
    assert handle.status == "waiting"
    client.executions.input(handle.exec_id, wait="legal", value=False)

    assert handle.wait() == {"tech": True, "legal": False}
    found = client.executions.get(handle.exec_id)
    # Nobody needs the third answer any more.
    assert (found.pending_wait, found.pending_waits) == (None, ())
    assert client.executions.pending_waits(handle.exec_id) == []
    with pytest.raises(KitaruStateError, match="it is completed"):
        client.executions.input(handle.exec_id, wait="sales", value=True)


@pytest.mark.zenml
@pytest.mark.parametrize("engine", ["local", "journal"], indirect=True)
def test_who_answers_and_dies_leaves_an_execution_that_goes_on_for_whoever_looks(
    client: KitaruClient, engine: Any
) -> None:
    handle = _two_of_three().run()
    for wait in client.executions.pending_waits(handle.exec_id)[:2]:
        answer = answered.given(True, by="anna", surface="cli")
        engine.journal.decide(wait.wait_id, handle.exec_id, answer.to_dict())

    client.executions.get(handle.exec_id)

    assert handle.wait() == {"legal": True, "sales": True}


def test_which_were_first_is_the_same_in_every_attempt(client: KitaruClient) -> None:
    broken = [True]

    @checkpoint
    def fragile() -> None:
        if broken:
            raise OSError("not now")

    @flow
    def voting() -> list[str]:
        asked = [
            kitaru.wait.submit(schema=bool, name=name, timeout=0) for name in ("a", "b")
        ]
        (first,) = kitaru.wait.first(asked)
        fragile()
        return [first.name, *(one.name for one in asked if one.result())]

    handle = voting.run()
    client.executions.input(handle.exec_id, wait="b", value=True)
    assert handle.status == "failed"
    broken.clear()
    client.executions.retry(handle.exec_id)
    assert handle.status == "waiting"
    client.executions.input(handle.exec_id, wait="a", value=True)

    assert handle.wait() == ["b", "a", "b"]


def test_an_execution_that_runs_is_cancelled_in_spite_of_open_waits(
    client: KitaruClient,
) -> None:
    handle = _two_of_three().run()

    client.executions.cancel(handle.exec_id)

    assert handle.status == "cancelled"
    assert client.executions.pending_waits(handle.exec_id) == []


def test_an_answer_to_what_was_shown_is_refused_once_something_else_is_asked(
    client: KitaruClient,
) -> None:
    count = itertools.count(1)

    @flow
    def asking() -> list[bool]:
        return [
            kitaru.wait(schema=bool, question=f"Question {next(count)}?", timeout=0)
            for _ in range(2)
        ]

    handle = asking.run()
    (shown,) = client.executions.pending_waits(handle.exec_id)
    client.executions.input(handle.exec_id, value=True, digest=shown.digest)
    (now,) = client.executions.pending_waits(handle.exec_id)
    assert now.digest != shown.digest

    with pytest.raises(KitaruStateError, match="bound to digest"):
        client.executions.input(handle.exec_id, value=True, digest=shown.digest)
    client.executions.input(handle.exec_id, value=False, digest=now.digest)

    assert handle.wait() == [True, False]


@pytest.mark.shared_rule("count")
@pytest.mark.parametrize("count", [0, 3, True, "1"], ids=str)
def test_first_refuses_a_count_that_cannot_be(client: KitaruClient, count: Any) -> None:
    @flow
    def asking() -> None:
        asked = [kitaru.wait.submit(timeout=0), kitaru.wait.submit(timeout=0)]
        kitaru.wait.first(asked, count)

    handle = asking.run()

    with pytest.raises(KitaruUserCodeError) as caught:
        handle.wait()
    assert isinstance(caught.value.__cause__, KitaruUsageError)
