"""Several waits that are open at once, on every engine."""

from __future__ import annotations

from typing import Any

import pytest

from kitaru import KitaruClient, checkpoint, flow
from kitaru.errors import KitaruUsageError
from kitaru.flows import Flow
from kitaru.primitives import wait_for_all

pytestmark = pytest.mark.usefixtures("engine")


def asking(made: list[str]) -> Flow[[], list[Any]]:
    """Return a flow that asks three questions at once, two of one name."""

    @checkpoint
    def prepare() -> str:
        made.append("prepare")
        return "prepared"

    @flow
    def together() -> list[Any]:
        prepare()
        return wait_for_all(
            [
                {"name": "allow", "schema": bool, "question": "First?", "timeout": 0},
                {"name": "allow", "schema": bool, "question": "Second?", "timeout": 0},
                {"name": "size", "schema": int, "question": "Size?", "timeout": 0},
            ]
        )

    return together


def test_they_are_open_together_and_answered_in_any_order(
    client: KitaruClient,
) -> None:
    made: list[str] = []
    handle = asking(made).run()
    first = [wait.name for wait in client.executions.pending_waits(handle.exec_id)]
    shown = client.executions.get(handle.exec_id).pending_waits

    client.executions.input(handle.exec_id, wait="size", value=3)
    client.executions.input(handle.exec_id, wait="allow", value=True)
    then = client.executions.get(handle.exec_id)
    client.executions.input(handle.exec_id, wait="allow_2", value=False)

    assert first == [wait.name for wait in shown] == ["allow", "allow_2", "size"]
    assert then.status == "waiting"
    assert then.pending_wait is not None
    assert (then.pending_wait.name, then.pending_wait.question) == (
        "allow_2",
        "Second?",
    )
    assert handle.wait() == [True, False, 3]
    assert made == ["prepare"]
    answered = client.executions.get(handle.exec_id).waits
    assert {wait.name: wait.answer for wait in answered} == {
        "allow": True,
        "allow_2": False,
        "size": 3,
    }


@pytest.mark.parametrize("how", ["abort", "cancel"])
def test_giving_up_one_gives_up_all(client: KitaruClient, how: str) -> None:
    handle = asking([]).run()

    if how == "abort":
        client.executions.abort_wait(handle.exec_id, wait="allow_2")
    else:
        client.executions.cancel(handle.exec_id)

    assert handle.status == "cancelled"
    assert client.executions.pending_waits(handle.exec_id) == []


def test_a_wrong_one_is_refused_before_any_is_open(client: KitaruClient) -> None:
    @flow
    def together() -> list[Any]:
        return wait_for_all([{"name": "first"}, {"name": "n", "schema": object()}])

    handle = together.run()

    with pytest.raises(Exception, match="wait") as raised:
        handle.wait()
    assert isinstance(raised.value.__cause__, KitaruUsageError)
    assert client.executions.pending_waits(handle.exec_id) == []
