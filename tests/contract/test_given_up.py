"""A call that was given up has an outcome that people see, on every engine."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kitaru import KitaruClient, checkpoint, flow
from kitaru.cli.app import app
from tests.support.polling import DEADLINE

pytestmark = pytest.mark.usefixtures("engine")


@checkpoint(runtime="isolated")
async def slow_apart(pid_file: str, gate: str) -> str:
    Path(pid_file).write_text(str(os.getpid()))
    with Path(gate).open():
        return "never"


@checkpoint
async def last(fails: list[str]) -> str:
    if fails.pop():
        raise RuntimeError("no disk")
    return "done"


def statuses(client: KitaruClient, exec_id: str) -> dict[str, str]:
    calls = client.executions.get(exec_id).checkpoints
    return {call.invocation_id: call.status for call in calls}


@pytest.mark.parametrize("how", ["wait_for", "task_group"])
def test_a_call_that_the_flow_gives_up_is_cancelled_and_runs_again(
    client: KitaruClient, how: str
) -> None:
    rounds = ["", "fails"]
    ran: list[int] = []

    @checkpoint
    async def given_up() -> str:
        ran.append(1)
        await asyncio.Event().wait()
        return "never"

    @flow
    async def reading() -> str:
        if how == "wait_for":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(given_up(), 0.05)
        else:
            with pytest.raises(ExceptionGroup):
                await beside_a_failure(given_up())
        return await last(rounds)

    handle = reading.run()

    assert statuses(client, handle.exec_id) == {
        "given_up": "cancelled",
        "last": "failed",
    }
    (call, _) = client.executions.get(handle.exec_id).checkpoints
    assert [attempt.status for attempt in call.attempts] == ["cancelled"]
    assert call.ended_at is not None
    assert call.failure is None
    shown = CliRunner().invoke(app, ["executions", "get", handle.exec_id])
    assert "✗ given_up  cancelled" in shown.output

    client.executions.retry(handle.exec_id)

    assert handle.wait(timeout=DEADLINE) == "done"
    assert ran == [1, 1]
    assert statuses(client, handle.exec_id) == {
        "given_up": "cancelled",
        "last": "completed",
    }


async def beside_a_failure(call: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_awaited(call))
        await asyncio.sleep(0.05)
        raise LookupError


async def _awaited(value: Any) -> Any:
    return await value


def test_the_process_of_an_isolated_call_that_is_given_up_is_ended(
    client: KitaruClient, tmp_path: Path
) -> None:
    pid_file, gate = tmp_path / "pid", tmp_path / "gate"
    os.mkfifo(gate)

    @flow
    async def reading() -> None:
        task = asyncio.create_task(_awaited(slow_apart(str(pid_file), str(gate))))
        while not pid_file.exists() or not pid_file.read_text():
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    handle = reading.run()

    assert handle.status == "completed"
    assert statuses(client, handle.exec_id) == {"slow_apart": "cancelled"}
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


@pytest.mark.parametrize("how", ["interrupt", "exit"])
def test_no_call_of_an_execution_whose_process_is_told_to_end_runs(
    client: KitaruClient, how: str
) -> None:
    @checkpoint
    def leaves() -> None:
        if how == "interrupt":
            raise KeyboardInterrupt
        sys.exit(0)

    @flow
    def leaving() -> None:
        leaves()

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        leaving.run()

    (newest, *_) = client.executions.list(flow="leaving")
    assert statuses(client, newest.exec_id) == {"leaves": "cancelled"}


def test_exit_in_a_flow_says_that_it_was_called(client: KitaruClient) -> None:
    @flow
    def exiting() -> None:
        sys.exit(0)

    with pytest.raises(SystemExit):
        exiting.run()

    (newest, *_) = client.executions.list(flow="exiting")
    failure = client.executions.get(newest.exec_id).failure
    assert failure is not None
    assert failure.message == "sys.exit(0) was called"
