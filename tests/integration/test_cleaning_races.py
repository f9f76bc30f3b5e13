"""Whoever acts on an execution while somebody cleans up finds it whole or not at all."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from kitaru import ExecutionStatus, KitaruClient, checkpoint, flow, wait
from kitaru._ops import cleaning
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.models import CleanScope

Act = Callable[[KitaruClient, str], object]


@checkpoint
def draft(ask: bool) -> str:
    return "draft"


@flow
def article(ask: bool) -> str:
    text = draft(ask)
    if ask and not wait(schema=bool, name="ok", timeout=0):
        return "dropped"
    return text


def clean() -> object:
    return cleaning.clean(cleaning.plan_clean(CleanScope.PROJECT))


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do all in threads at the same moment; return what came of each."""
    together = threading.Barrier(len(acts))

    def tried(act: Callable[[], object]) -> object:
        together.wait()
        try:
            return act()
        except KitaruError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        asked = [
            pool.submit(contextvars.copy_context().run, tried, act) for act in acts
        ]
        return [one.result() for one in asked]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda c, i: c.executions.cancel(i), id="cancel"),
        pytest.param(lambda c, i: c.executions.abort_wait(i, wait="ok"), id="abort"),
    ],
)
def test_what_is_given_up_while_somebody_cleans_is_cancelled_or_gone(
    client: KitaruClient, act: Act
) -> None:
    exec_id = article.run(ask=True).exec_id

    _, came = at_once(clean, lambda: act(client, exec_id))

    assert not isinstance(came, KitaruError)
    try:
        found = client.executions.get(exec_id)
    except KitaruUsageError:
        return
    assert found.status is ExecutionStatus.CANCELLED
    assert [call.status for call in found.checkpoints] == ["completed"]


def test_an_answer_given_while_somebody_cleans_is_not_lost(
    client: KitaruClient,
) -> None:
    handle = article.run(ask=True)

    _, came = at_once(
        clean, lambda: client.executions.input(handle.exec_id, value=True)
    )

    assert not isinstance(came, KitaruError)
    assert handle.wait(timeout=90) == "draft"
