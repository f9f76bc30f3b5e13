"""Functions of the user hear of failures and waits, on every engine."""

from __future__ import annotations

from typing import Any

import pytest

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru._core.flows import scope
from kitaru._engine.open import current_engine
from kitaru.errors import KitaruUsageError
from kitaru.models import FailureInfo, PendingWait

pytestmark = pytest.mark.usefixtures("engine")


@checkpoint
def write(topic: str) -> str:
    if topic == "broken":
        raise ConnectionError("no route")
    return f"about {topic}"


def test_each_failed_attempt_is_told_of_once_it_is_stored(client: KitaruClient) -> None:
    heard: list[Any] = []

    def hear(exec_id: str, failure: FailureInfo) -> None:
        heard.append((exec_id, failure.message, failure.origin, scope.current()))

    @flow(on_failure=hear)
    def writing(topic: str) -> str:
        return write(topic)

    handle = writing.run("broken")
    current_engine().continue_here(handle.exec_id)
    writing.run("whales")

    assert heard == [(handle.exec_id, "no route", "user_code", None)] * 2


def test_open_waits_are_told_of_and_timers_are_not(client: KitaruClient) -> None:
    heard: list[tuple[str, str]] = []

    def hear(exec_id: str, wait: PendingWait) -> None:
        heard.append((exec_id, wait.name))

    @flow(on_wait=hear)
    def writing(topic: str) -> str:
        text = write(topic)
        return text if kitaru.wait(schema=bool, name="ok", timeout=0) else "dropped"

    handle = writing.run("whales", break_before=["write"])
    client.executions.input(handle.exec_id, value={"action": "continue"})
    client.executions.input(handle.exec_id, value=True)

    assert handle.wait() == "about whales"
    names = [name for _, name in heard]
    assert names == ["break:write", "ok"]
    assert {exec_id for exec_id, _ in heard} == {handle.exec_id}

    @flow(on_wait=hear)
    def sleeping() -> None:
        kitaru.sleep(3600, timeout=0)

    assert sleeping.run().status == "waiting"
    assert len(heard) == 2


class Wordless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("even that fails")


@pytest.mark.parametrize("error", [RuntimeError("deaf"), Wordless()])
def test_what_a_hook_raises_changes_nothing(
    client: KitaruClient, error: Exception
) -> None:
    def refuse(*_told: object) -> None:
        raise error

    @flow(on_failure=refuse, on_wait=refuse)
    def writing(topic: str) -> str:
        kitaru.wait(schema=bool, name="ok", timeout=0)
        return write(topic)

    handle = writing.run("broken")
    assert handle.status == "waiting"
    client.executions.input(handle.exec_id, value=True)

    failure = client.executions.get(handle.exec_id).failure
    assert failure is not None
    assert failure.message == "no route"


async def later(*_told: object) -> None:
    """No hook: nobody would await it."""


@pytest.mark.parametrize("hook", ["mail", later])
def test_what_is_no_function_is_refused(hook: Any) -> None:
    with pytest.raises(KitaruUsageError, match="on_wait must be a function"):
        flow(on_wait=hook)
