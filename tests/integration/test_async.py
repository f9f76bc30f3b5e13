"""`async def` flows and checkpoints, and flows started where a loop runs already."""

from __future__ import annotations

import asyncio

import pytest

from kitaru import KitaruClient, KitaruUserCodeError, checkpoint, flow, wait

pytestmark = [pytest.mark.zenml, pytest.mark.usefixtures("engine")]


@checkpoint
async def double(n: int) -> int:
    await asyncio.sleep(0)
    return n * 2


@checkpoint
def increase(n: int) -> int:
    return n + 1


def test_async_flow_awaits_async_checkpoints_and_calls_plain_ones() -> None:
    @flow
    async def mixing(n: int) -> int:
        return increase(await double(n))

    assert mixing.run(20).wait() == 41


def test_retry_of_an_async_flow_reuses_its_results(client: KitaruClient) -> None:
    ran: list[int] = []

    @checkpoint
    async def note(n: int) -> int:
        ran.append(n)
        if ran == [1, 2]:
            raise OSError("down")
        return n

    @flow
    async def noting() -> int:
        return await note(1) + await note(2)

    handle = noting.run()

    client.executions.retry(handle.exec_id)

    assert handle.get() == 3
    assert ran == [1, 2, 2]


def test_async_checkpoint_raises_the_users_own_exception() -> None:
    @checkpoint
    async def refuse() -> None:
        raise LookupError("nothing there")

    @flow
    async def recovering() -> str:
        try:
            await refuse()
        except LookupError as error:
            return str(error)
        return "unreachable"

    assert recovering.run().get() == "nothing there"


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
def test_flow_runs_inside_a_running_event_loop(is_async: bool) -> None:
    @flow
    def plain() -> int:
        return increase(1)

    @flow
    async def coroutine() -> int:
        return increase(await double(1))

    async def notebook() -> int:
        return (coroutine if is_async else plain).run().wait()

    assert asyncio.run(notebook()) == (3 if is_async else 2)


def test_arun_leaves_the_event_loop_free() -> None:
    loop_went_on = asyncio.Event()

    @flow
    async def doubling() -> int:
        return await double(4)

    async def program() -> int:
        async def beside() -> None:
            loop_went_on.set()

        handle, _ = await asyncio.gather(doubling.arun(), beside())
        return handle.get()

    assert asyncio.run(program()) == 8
    assert loop_went_on.is_set()


def test_arun_gives_the_handle_of_a_failed_execution() -> None:
    @flow
    async def failing() -> None:
        raise LookupError("nothing there")

    handle = asyncio.run(failing.arun())

    with pytest.raises(KitaruUserCodeError) as info:
        handle.get()
    assert isinstance(info.value.__cause__, LookupError)


def test_wait_in_an_async_flow_pauses_and_goes_on(client: KitaruClient) -> None:
    @flow
    async def asking() -> int:
        n = await double(3)
        return n if wait(schema=bool, timeout=0) else 0

    handle = asking.run()

    client.executions.input(handle.exec_id, value=True)

    assert handle.get() == 6
