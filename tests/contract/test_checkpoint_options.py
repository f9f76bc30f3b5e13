"""Retries, timeouts, the cache and isolation, on every engine."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

import kitaru
from kitaru import KitaruClient, Resources, checkpoint, flow
from kitaru.errors import KitaruExecutionError, KitaruUsageError

pytestmark = pytest.mark.usefixtures("engine")


def test_only_chosen_exceptions_are_tried_again(client: KitaruClient) -> None:
    tries: list[str] = []

    @checkpoint(retries=3, retry_on=(TimeoutError,))
    def flaky() -> None:
        tries.append("x")
        raise TimeoutError("slow") if len(tries) < 2 else ValueError("wrong")

    @flow
    def trying() -> None:
        flaky()

    handle = trying.run()

    (call,) = client.executions.get(handle.exec_id).checkpoints
    assert [a.failure.message for a in call.attempts if a.failure] == ["slow", "wrong"]


def test_delays_between_attempts_grow() -> None:
    spec = checkpoint(retries=3, retry_delay=0.5, retry_backoff=3)(_nothing)._spec

    assert [spec.delay_before(n) for n in (1, 2, 3, 4)] == [0, 0.5, 1.5, 4.5]


def _nothing() -> None: ...


@pytest.mark.parametrize("kind", ["main", "thread", "async", "isolated"])
def test_a_checkpoint_over_its_time_fails(kind: str) -> None:
    @checkpoint(timeout=0.2, runtime="isolated" if kind == "isolated" else "inline")
    def slow() -> None:
        for _ in range(1000):
            time.sleep(0.01)

    @checkpoint(timeout=0.2)
    async def slow_async() -> None:
        await asyncio.sleep(10)

    @flow
    def waiting() -> str:
        try:
            if kind == "thread":
                slow.submit().result()
            elif kind == "async":
                asyncio.run(_await(slow_async))
            else:
                slow()
        except TimeoutError as error:
            return str(error)
        return "no timeout"

    assert "took longer than its timeout of 0.2 s" in waiting.run().wait()


async def _await(function: object) -> None:
    await function()  # type: ignore[operator]  # an async checkpoint


def test_cached_results_are_shared_across_executions(client: KitaruClient) -> None:
    ran: list[int] = []
    salt = os.urandom(4).hex()

    @checkpoint(cache=True)
    def costly(n: int, salt: str) -> int:
        ran.append(n)
        return n * 10

    @flow
    def caching(n: int) -> int:
        return costly(n, salt)

    first, second, other = caching.run(1), caching.run(1), caching.run(2)

    assert [h.wait() for h in (first, second, other)] == [10, 10, 20]
    assert ran == [1, 2]
    (before,) = client.executions.get(first.exec_id).checkpoints
    (reused,) = client.executions.get(second.exec_id).checkpoints
    assert (reused.reused, reused.original_call_id) == (True, before.call_id)


def test_a_flow_can_set_retries_and_cache_for_all_its_checkpoints() -> None:
    tries: list[int] = []
    salt = os.urandom(4).hex()

    @checkpoint
    def flaky(salt: str) -> str:
        tries.append(1)
        if len(tries) < 3:
            raise TimeoutError("slow")
        return salt

    @flow(retries=2)
    def patient() -> str:
        return flaky(salt)

    assert patient.run(cache=True).wait() == salt
    assert patient.with_options(cache=True).run().wait() == salt
    assert len(tries) == 3


def test_nothing_is_shared_unless_asked_for() -> None:
    ran: list[int] = []

    @checkpoint
    def effect(n: int) -> int:
        ran.append(n)
        return n

    @flow
    def acting() -> int:
        return effect(1)

    acting.run()
    acting.run()

    assert ran == [1, 1]


def test_a_checkpoint_with_resources_runs_in_another_process_like_an_inline_one(
    client: KitaruClient,
) -> None:
    @checkpoint(resources=Resources(cpu=1, memory="1GB"))
    def apart(n: int) -> tuple[int, str | None]:
        print("from the other process")
        kitaru.log(n=n)
        kitaru.save("note", "kept")
        return os.getpid(), kitaru.current_execution_id()

    @flow
    def isolating() -> tuple[int, str | None]:
        return apart(1)

    handle = isolating.run()
    pid, inside_id = handle.wait()

    assert pid != os.getpid()
    assert inside_id == handle.exec_id
    (call,) = client.executions.get(handle.exec_id).checkpoints
    assert call.metadata == {"n": 1}
    assert [a.load() for a in call.artifacts if a.name == "note"] == ["kept"]
    (line,) = client.executions.logs(handle.exec_id)
    assert (line.message, line.checkpoint) == ("from the other process", "apart")


def test_an_isolated_checkpoint_raises_the_users_exception() -> None:
    @checkpoint(runtime="isolated")
    def apart() -> None:
        raise LookupError("not there")

    @flow
    def isolating() -> str:
        try:
            apart()
        except LookupError as error:
            return str(error)
        return "nothing raised"

    assert isolating.run().wait() == "not there"


def test_a_dying_isolated_process_fails_its_checkpoint() -> None:
    @checkpoint(runtime="isolated")
    def apart() -> None:
        os._exit(3)

    @flow
    def isolating() -> None:
        apart()

    with pytest.raises(KitaruExecutionError, match=r"died \(exit status 3\)") as caught:
        isolating.run().wait()

    assert caught.value.failure_origin == "runtime"


@pytest.mark.shared_rule("options", "message")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, "retries must be a whole number, 0 or more"),
        ({"retry_delay": -1}, "retry_delay must be seconds, 0 or more"),
        ({"retry_backoff": 0.5}, "retry_backoff must be a number, 1 or more"),
        ({"timeout": 0}, "timeout must be seconds, more than 0"),
        ({"runtime": "cloud"}, "'inline' or 'isolated'"),
        ({"resources": {"cpu": 1}, "runtime": "inline"}, "leave runtime='inline' out"),
        ({"resources": {"cpu": -1}}, "'_nothing': resources: cpu must be a number"),
    ],
    ids=["retries", "delay", "backoff", "timeout", "runtime", "inline", "resources"],
)
def test_impossible_options_are_refused(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(KitaruUsageError, match=message):
        checkpoint(**options)(_nothing)  # type: ignore[call-overload]  # bad on purpose


class CodedError(Exception):
    """Takes other arguments than it gives to its base."""

    def __init__(self, code: int, what: str) -> None:
        self.code = code
        super().__init__(f"{what} [{code}]")


def test_an_exception_with_an_init_of_its_own_comes_back_whole() -> None:
    @checkpoint(runtime="isolated")
    def coded() -> None:
        raise CodedError(5, "no quota")

    @flow
    def running() -> str:
        try:
            coded()
        except CodedError as error:
            return f"{error.code} {error}"
        return "nothing"

    assert running.run().wait() == "5 no quota [5]"


def test_exit_in_an_isolated_checkpoint_is_exit() -> None:
    @checkpoint(runtime="isolated")
    def leaving() -> None:
        sys.exit(3)

    @flow
    def running() -> None:
        leaving()

    with pytest.raises(SystemExit) as caught:
        running.run()

    assert caught.value.code == 3


def test_a_process_left_behind_does_not_hold_an_isolated_checkpoint_up() -> None:
    @checkpoint(runtime="isolated")
    def leaving_one_behind() -> int:
        return subprocess.Popen(["sleep", "3600"]).pid

    @flow
    def running() -> int:
        return leaving_one_behind()

    left = running.run().wait()

    # It did not end before.
    os.kill(left, signal.SIGKILL)
