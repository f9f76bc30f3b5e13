"""What flows and checkpoints do, on every engine."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru.errors import (
    KitaruContextError,
    KitaruDivergenceError,
    KitaruStateError,
    KitaruUsageError,
    KitaruUserCodeError,
)

pytestmark = pytest.mark.usefixtures("engine")


class Draft(BaseModel):
    title: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Point:
    x: int
    y: int


@checkpoint
def double(n: int) -> int:
    return n * 2


@pytest.mark.parametrize(
    "result",
    [
        "constant",
        None,
        (1, "two"),
        {"a": [1, 2]},
        Draft(title="t", tags=("x",)),
        Point(1, 2),
        b"\x00",
    ],
    ids=["text", "none", "tuple", "dict", "model", "dataclass", "bytes"],
)
def test_a_flow_returns_what_its_return_says(
    client: KitaruClient, result: object
) -> None:
    @flow
    def returning() -> object:
        double(1)
        return result

    handle = returning.run()

    assert handle.wait() == result
    assert handle.get() == result
    assert client.executions.get(handle.exec_id).status == "completed"


def test_a_checkpoint_call_returns_the_value_itself() -> None:
    @checkpoint
    def words() -> list[str]:
        return ["a", "b"]

    @flow
    def using() -> str:
        found = words()
        return f"{len(found)} {found[0]} {double(2) > 3}"

    assert using.run().wait() == "2 a True"


def test_repeated_calls_are_numbered_in_call_order(client: KitaruClient) -> None:
    @flow
    def looping() -> int:
        return sum(double(i) for i in range(3))

    handle = looping.run()

    calls = client.executions.get(handle.exec_id).checkpoints
    assert [c.invocation_id for c in calls] == ["double", "double_2", "double_3"]
    assert len({c.call_id for c in calls}) == 3


def test_an_id_given_to_a_call_is_its_invocation_id(client: KitaruClient) -> None:
    @flow
    def naming() -> int:
        return double(1, id="first") + double.with_options(id="second")(2)

    handle = naming.run()

    calls = client.executions.get(handle.exec_id).checkpoints
    assert [c.invocation_id for c in calls] == ["first", "second"]


def test_an_id_given_twice_is_refused() -> None:
    @flow
    def clashing() -> int:
        return double(1, id="same") + double(2, id="same")

    with pytest.raises(KitaruUserCodeError, match="'same' was used before"):
        clashing.run().wait()


def test_a_failed_flow_gives_a_handle_that_raises_from_the_users_exception(
    client: KitaruClient,
) -> None:
    @checkpoint
    def breaking() -> None:
        raise ValueError("no tokens left")

    @flow
    def failing() -> None:
        breaking()

    handle = failing.run()

    assert handle.status == "failed"
    with pytest.raises(KitaruUserCodeError, match="no tokens left") as caught:
        handle.wait()
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.failure_origin == "user_code"
    failure = client.executions.get(handle.exec_id).failure
    assert failure is not None
    assert (failure.message, failure.origin) == ("no tokens left", "user_code")


def test_retry_runs_only_the_failed_checkpoint_and_what_follows(
    client: KitaruClient,
) -> None:
    ran: list[str] = []
    broken = [True]

    @checkpoint
    def first() -> int:
        ran.append("first")
        return 1

    @checkpoint
    def second(n: int) -> int:
        ran.append("second")
        if broken:
            raise RuntimeError("rate limit")
        return n + 1

    @flow
    def steps() -> int:
        return second(first()) * 10

    handle = steps.run()
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert ran == ["first", "second", "second"]
    assert handle.wait() == 20
    assert client.executions.get(handle.exec_id).status == "completed"


def test_a_caught_failure_is_an_outcome_and_taken_again(client: KitaruClient) -> None:
    ran: list[str] = []
    broken = [True]

    @checkpoint
    def search() -> str:
        ran.append("search")
        raise LookupError("nothing found")

    @checkpoint
    def fallback() -> str:
        ran.append("fallback")
        return "from the archive"

    @checkpoint
    def publish(text: str) -> str:
        ran.append("publish")
        if broken:
            raise RuntimeError("no network")
        return text

    @flow
    def careful() -> str:
        try:
            text = search()
        except LookupError:
            text = fallback()
        return publish(text)

    handle = careful.run()
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == "from the archive"
    assert ran == ["search", "fallback", "publish", "publish"]


def test_retries_are_attempts_of_one_call(client: KitaruClient) -> None:
    tries: list[int] = []

    @checkpoint(retries=2)
    def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise TimeoutError("slow")
        return 7

    @flow
    def patient() -> int:
        return flaky()

    handle = patient.run()

    assert handle.wait() == 7
    (call,) = client.executions.get(handle.exec_id).checkpoints
    assert [(a.number, a.status) for a in call.attempts] == [
        (1, "failed"),
        (2, "failed"),
        (3, "completed"),
    ]


def test_another_path_on_retry_is_a_divergence(client: KitaruClient) -> None:
    turn = [0]

    @checkpoint
    def left() -> int:
        return 1

    @checkpoint
    def right() -> int:
        return 2

    @checkpoint
    def breaking() -> None:
        raise RuntimeError("later")

    @flow
    def wavering() -> None:
        turn[0] += 1
        # Even a flow that swallows everything may not go on.
        with contextlib.suppress(Exception):
            left() if turn[0] == 1 else right()
        breaking()

    handle = wavering.run()
    client.executions.retry(handle.exec_id)

    failure = client.executions.get(handle.exec_id).failure
    assert failure is not None
    assert failure.origin == "divergence"
    with pytest.raises(
        KitaruDivergenceError, match=r"was 'left', now .* 'right'.*replay from 'left'"
    ) as caught:
        handle.wait()
    assert "retry" not in str(caught.value)
    (more,) = caught.value.__notes__
    assert Path(more.removeprefix("causes, and ways out: ")).is_file()


def test_async_flows_and_checkpoints_run() -> None:
    @checkpoint
    async def fetch(n: int) -> int:
        return n + 1

    @flow
    async def gathering() -> int:
        return await fetch(1) + double(2)

    assert gathering.run().wait() == 6


def test_a_flow_called_like_a_function_names_run() -> None:
    @flow
    def plain() -> None: ...

    with pytest.raises(KitaruUsageError, match=r"plain\.run\("):
        plain()


def test_wrong_arguments_fail_before_anything_starts(client: KitaruClient) -> None:
    @flow
    def needy(topic: str) -> None: ...

    before = len(client.executions.list(size=100))
    with pytest.raises(KitaruUsageError, match="topic is missing"):
        needy.run()
    with pytest.raises(KitaruUsageError, match="no input 'tpic', did you mean 'topic'"):
        needy.run("x", tpic="y")

    assert len(client.executions.list(size=100)) == before


def test_a_checkpoint_outside_a_flow_is_refused() -> None:
    with pytest.raises(KitaruContextError, match="inside a running flow only"):
        double(1)
    assert double.fn(1) == 2


def test_checkpoints_do_not_nest() -> None:
    @checkpoint
    def outer() -> int:
        return double(1)

    @flow
    def nesting() -> int:
        return outer()

    with pytest.raises(KitaruUserCodeError, match="checkpoints do not nest"):
        nesting.run().wait()


@pytest.mark.parametrize("inside", ["flow", "checkpoint"])
def test_flows_do_not_nest(inside: str) -> None:
    @flow
    def inner() -> int:
        return 1

    @checkpoint
    def starting() -> str:
        return inner.run().exec_id

    @flow
    def outer() -> str:
        return starting() if inside == "checkpoint" else inner.run().exec_id

    with pytest.raises(KitaruUserCodeError, match="flows do not nest"):
        outer.run().wait()


def test_a_result_that_cannot_be_stored_names_checkpoint_and_type() -> None:
    @checkpoint
    def opening() -> object:
        return (i for i in range(3))

    @flow
    def leaking() -> None:
        opening()

    with pytest.raises(
        KitaruUserCodeError, match=r"'opening' is a builtins\.generator"
    ):
        leaking.run().wait()


def test_the_execution_id_is_known_inside_and_unknown_outside() -> None:
    @checkpoint
    def identify() -> str | None:
        return kitaru.current_execution_id()

    @flow
    def asking() -> tuple[str | None, str | None]:
        return kitaru.current_execution_id(), identify()

    handle = asking.run()

    assert handle.wait() == (handle.exec_id, handle.exec_id)
    assert kitaru.current_execution_id() is None


def test_a_call_has_the_same_key_in_every_attempt_and_no_other_call_has_it(
    client: KitaruClient,
) -> None:
    seen: list[tuple[str, str]] = []

    @checkpoint(retries=1)
    def pay(order: str) -> None:
        seen.append((order, kitaru.call_key()))
        if len(seen) < 4:
            raise ConnectionError("away")

    @flow
    def paying() -> None:
        pay("first")
        pay("second")

    handle = paying.run()
    client.executions.retry(handle.exec_id)
    handle.wait()
    paying.run().wait()

    keys = [{key for order, key in seen[part] if order == name} for part, name in (
        (slice(0, 5), "first"), (slice(0, 5), "second"),
        (slice(5, None), "first"), (slice(5, None), "second"),
    )]  # fmt: skip
    assert [order for order, _ in seen] == ["first"] * 4 + ["second", "first", "second"]
    assert [len(found) for found in keys] == [1, 1, 1, 1]
    assert len(set.union(*keys)) == 4


def test_there_is_no_call_key_outside_a_checkpoint() -> None:
    with pytest.raises(KitaruContextError, match=r"call_key\(\) was called outside"):
        kitaru.call_key()


def test_get_on_an_unfinished_execution_says_why() -> None:
    @flow
    def asking() -> None:
        kitaru.wait(name="go", question="Ready?", timeout=0)

    handle = asking.run()

    with pytest.raises(KitaruStateError, match="waiting for 'go': Ready"):
        handle.get()


def test_an_async_body_ends_at_its_next_call_once_it_has_to(
    client: KitaruClient,
) -> None:
    turn = [0]

    @checkpoint
    async def left() -> None: ...

    @checkpoint
    async def right() -> None: ...

    @checkpoint
    async def breaking() -> None:
        raise RuntimeError("later")

    @flow
    async def wavering() -> None:
        turn[0] += 1
        with contextlib.suppress(Exception):
            await (left() if turn[0] == 1 else right())
        await breaking()

    handle = wavering.run()
    client.executions.retry(handle.exec_id)

    with pytest.raises(KitaruDivergenceError, match=r"was 'left', now .* 'right'"):
        handle.wait()
