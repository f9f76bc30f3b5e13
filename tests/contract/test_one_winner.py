"""Of several people who act on an execution at once, one after the other has an effect.

Whatever two of them do at the same moment, what both are told, and what becomes of the
execution, is as if one had come after the other.
"""

from __future__ import annotations

import contextvars
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kitaru import KitaruClient, checkpoint, flow, wait
from kitaru.errors import KitaruStateError

pytestmark = pytest.mark.usefixtures("engine")

Act = Callable[[KitaruClient, str], object]


def yes(client: KitaruClient, exec_id: str) -> object:
    return client.executions.input(exec_id, value=True)


def no(client: KitaruClient, exec_id: str) -> object:
    return client.executions.input(exec_id, value=False)


def abort(client: KitaruClient, exec_id: str) -> object:
    return client.executions.abort_wait(exec_id, wait="wait")


def cancel(client: KitaruClient, exec_id: str) -> object:
    return client.executions.cancel(exec_id)


def retry(client: KitaruClient, exec_id: str) -> object:
    return client.executions.retry(exec_id)


def resume(client: KitaruClient, exec_id: str) -> object:
    return client.executions.resume(exec_id)


def replay(client: KitaruClient, exec_id: str) -> object:
    return client.executions.replay(exec_id, from_="draft")


# What an act makes of an execution, by the status it finds. Any other status refuses it.
EFFECTS: dict[Act, dict[str, str]] = {
    yes: {"waiting": "completed"},
    no: {"waiting": "completed"},
    abort: {"waiting": "cancelled"},
    cancel: {"waiting": "cancelled", "running": "cancelled"},
    retry: {"failed": "completed"},
    # It is where resuming would take it.
    resume: {"completed": "completed"},
    # Another execution; its source stays as it is.
    replay: {
        status: status for status in ("waiting", "failed", "completed", "cancelled")
    },
}
RUNS_THE_BODY = (yes, no, retry)


def tells(status: str, first: Act, second: Act) -> bool:
    """Whether a pair can show what no other pair shows."""
    if no in (first, second) or first is second is yes:
        return status == "waiting" and (first, second) == (yes, no)
    effects = [act for act in (first, second) if status in EFFECTS[act]]
    return len(effects) == 2 or (bool(effects) and replay not in effects)


PAIRS = [
    pytest.param(
        status, first, second, id=f"{status} {first.__name__} {second.__name__}"
    )
    for status in ("waiting", "failed")
    for first, second in itertools.combinations_with_replacement(EFFECTS, 2)
    if tells(status, first, second)
]


def in_order(status: str, first: Act, second: Act) -> Iterator[tuple[bool, bool, str]]:
    """Yield who has an effect, and the end, if `first` comes before `second`."""
    has_effect = status in EFFECTS[first]
    between = EFFECTS[first].get(status, status)
    found = [between]
    if has_effect and first in RUNS_THE_BODY:
        found.append("running")
    for seen in found:
        yield has_effect, seen in EFFECTS[second], EFFECTS[second].get(seen, between)


def legal(status: str, first: Act, second: Act) -> set[tuple[bool, bool, str]]:
    """Return what may come of two acts at once: what comes of one after the other."""
    turned = in_order(status, second, first)
    return {*in_order(status, first, second), *((b, a, end) for a, b, end in turned)}


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


@pytest.mark.parametrize("engine", ["memory", "local", "journal"], indirect=True)
@pytest.mark.parametrize(("status", "first", "second"), PAIRS)
def test_two_at_once_are_as_one_after_the_other(
    client: KitaruClient, status: str, first: Act, second: Act
) -> None:
    ran: list[str] = []

    @checkpoint
    def draft() -> str:
        return "draft"

    @checkpoint
    def publish() -> str:
        ran.append("publish")
        if status == "failed" and len(ran) == 1:
            raise OSError("down")
        return "published"

    @flow
    def article() -> str:
        draft()
        if status == "waiting" and not wait(schema=bool, timeout=0):
            return "dropped"
        return publish()

    exec_id = article.run().exec_id

    won = at_once(client, exec_id, [first, second])

    execution = client.executions.get(exec_id)
    assert (*won, execution.status) in legal(status, first, second)
    # The word of whoever was told to have answered stands, and no body ran twice.
    over = {wait.outcome: wait.answer for wait in execution.waits}
    answers = [
        act is yes
        for act, has in zip([first, second], won, strict=True)
        if has and act in (yes, no)
    ]
    assert [over["answered"]] == answers if answers else "answered" not in over
    if replay not in (first, second):
        assert len(ran) <= 1 + (status == "failed")


def test_of_many_retries_at_once_one_runs_the_flow(client: KitaruClient) -> None:
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
