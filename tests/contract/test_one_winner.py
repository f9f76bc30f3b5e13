"""Of several people who act on an execution at once, one has an effect."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from kitaru import KitaruClient, flow, wait
from kitaru.errors import KitaruStateError

pytestmark = pytest.mark.usefixtures("engine")

Act = Callable[[KitaruClient, str], object]


def at_once(client: KitaruClient, exec_id: str, acts: list[Act]) -> list[bool]:
    """Do all in threads at the same moment; return which had an effect."""
    together = threading.Barrier(len(acts))

    def tried(act: Act) -> bool:
        together.wait()
        try:
            act(client, exec_id)
        except KitaruStateError:
            return False
        return True

    with ThreadPoolExecutor(len(acts)) as pool:
        # A thread sees the engine of its context.
        asked = [
            pool.submit(contextvars.copy_context().run, tried, act) for act in acts
        ]
        return [one.result() for one in asked]


def retry(client: KitaruClient, exec_id: str) -> object:
    return client.executions.retry(exec_id)


def yes(client: KitaruClient, exec_id: str) -> object:
    return client.executions.input(exec_id, value=True)


def no(client: KitaruClient, exec_id: str) -> object:
    return client.executions.input(exec_id, value=False)


def abort(client: KitaruClient, exec_id: str) -> object:
    return client.executions.abort_wait(exec_id, wait="wait")


def test_of_retries_at_once_one_runs_the_flow(client: KitaruClient) -> None:
    ran: list[bool] = []

    @flow
    def broken_once() -> str:
        ran.append(True)
        if len(ran) == 1:
            raise OSError("down")
        return "done"

    handle = broken_once.run()

    won = at_once(client, handle.exec_id, [retry] * 3)

    assert won.count(True) == 1
    assert len(ran) == 2
    assert handle.get() == "done"


@pytest.mark.parametrize(
    "acts",
    [
        pytest.param([yes, no], id="answer answer"),
        pytest.param([yes, abort], id="answer abort"),
        pytest.param([abort, abort], id="abort abort"),
    ],
)
def test_of_two_who_end_a_wait_at_once_one_does(
    client: KitaruClient, acts: list[Act]
) -> None:
    @flow
    def asking() -> bool:
        return bool(wait(schema=bool, timeout=0))

    handle = asking.run()

    won = at_once(client, handle.exec_id, acts)

    assert won.count(True) == 1
    winner = acts[won.index(True)]
    execution = client.executions.get(handle.exec_id)
    (over,) = execution.waits
    if winner is abort:
        assert (execution.status, over.outcome) == ("cancelled", "aborted")
    else:
        assert (execution.status, over.answer) == ("completed", winner is yes)
        assert handle.get() is (winner is yes)
