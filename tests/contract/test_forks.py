"""An execution belongs to one process: what is forked from it is refused its calls."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru.errors import KitaruContextError

pytestmark = [
    pytest.mark.usefixtures("engine"),
    # Later versions of Python warn of what is the matter here.
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]


@checkpoint
def after() -> str:
    return "after"


def status_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def in_child(call: Callable[[], object]) -> int:
    """The exit status of a child: 7 if the call was refused as it should be."""
    pid = os.fork()
    if pid == 0:
        try:
            call()
        except KitaruContextError as error:
            os._exit(7 if "was forked from the flow's" in str(error) else 1)
        os._exit(0)
    return status_of(pid)


def test_a_forked_child_that_returns_or_raises_ends_itself_only(
    client: KitaruClient,
) -> None:
    statuses: list[int] = []

    @flow
    def forking() -> str:
        for ending in ("returns", "raises", "exits"):
            pid = os.fork()
            if pid == 0 and ending == "raises":
                raise ValueError("of the child")
            if pid == 0 and ending == "exits":
                raise SystemExit(5)
            if pid == 0:
                return "of the child"
            statuses.append(status_of(pid))
        return after()

    handle = forking.run()

    assert handle.get() == "after"
    assert statuses == [0, 1, 5]
    execution = client.executions.get(handle.exec_id)
    assert [call.invocation_id for call in execution.checkpoints] == ["after"]


def test_a_child_forked_in_a_checkpoint_gives_no_outcome(client: KitaruClient) -> None:
    statuses: list[int] = []

    @checkpoint
    def forked(ending: str) -> str:
        pid = os.fork()
        if pid == 0 and ending == "raises":
            raise ValueError("of the child")
        if pid == 0:
            return "of the child"
        statuses.append(status_of(pid))
        return "of the parent"

    @flow
    def forking() -> list[str]:
        return [forked("returns"), forked("raises"), after()]

    handle = forking.run()

    assert handle.get() == ["of the parent", "of the parent", "after"]
    assert statuses == [0, 1]


def test_the_calls_of_a_forked_child_are_refused() -> None:
    statuses: list[int] = []

    @checkpoint
    def saving() -> None:
        for call in (lambda: kitaru.save("x", 1), lambda: kitaru.log(x=1)):
            statuses.append(in_child(call))

    @flow
    def forking() -> str:
        saving()
        for call in (
            after,
            after.submit,
            lambda: kitaru.wait(schema=bool),
            lambda: kitaru.log(x=1),
        ):
            statuses.append(in_child(call))
        return after()

    assert forking.run().get() == "after"
    assert statuses == [7] * 6
