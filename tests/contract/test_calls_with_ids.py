"""Work that is called as a checkpoint with an exact id, on every engine."""

from __future__ import annotations

import asyncio

import pytest

from kitaru import KitaruClient, flow
from kitaru.checkpoints import acall_as_checkpoint, call_as_checkpoint
from kitaru.errors import KitaruUsageError, KitaruUserCodeError

pytestmark = pytest.mark.usefixtures("engine")


def test_a_retry_finds_each_call_by_its_id(client: KitaruClient) -> None:
    made: list[str] = []
    broken = [True]

    async def fetch(name: str) -> str:
        await asyncio.sleep(0)
        made.append(name)
        if name == "third" and broken[0]:
            raise ConnectionError("away")
        return name.upper()

    # Not at the top of a file, so that it is retried in this process.
    @flow
    async def fetching_with_ids() -> list[str]:
        first = call_as_checkpoint(lambda: "one", id="agent.r1.t0", name="agent.one")
        names = ("first", "second", "third")
        calls = [
            acall_as_checkpoint(
                lambda name=name: fetch(name),
                id=f"agent.r1.t{n}",
                name="agent.fetch",
                inputs={"name": name},
                settings={"type": "tool_call"},
            )
            for n, name in enumerate(names, 1)
        ]
        return [first, *await asyncio.gather(*calls)]

    handle = fetching_with_ids.run()
    with pytest.raises(KitaruUserCodeError, match="away"):
        handle.get()
    broken[0] = False

    client.executions.retry(handle.exec_id)

    execution = client.executions.get(handle.exec_id)
    assert execution.status == "completed"
    assert made == ["first", "second", "third", "third"]
    types = {call.invocation_id: call.checkpoint_type for call in execution.checkpoints}
    assert types == {
        "agent.r1.t0": None,
        "agent.r1.t1": "tool_call",
        "agent.r1.t2": "tool_call",
        "agent.r1.t3": "tool_call",
    }


def test_an_id_can_be_taken_once(client: KitaruClient) -> None:
    @flow
    def taking_an_id_twice() -> None:
        for _ in range(2):
            call_as_checkpoint(lambda: 1, id="same", name="call")

    failure = client.executions.get(taking_an_id_twice.run().exec_id).failure

    assert failure is not None
    assert failure.exception_type.endswith(KitaruUsageError.__name__)
    assert "must be unique" in failure.message
