"""What two processes that meet at one execution do to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest
from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus
from zenml.models import PipelineRunUpdate

from kitaru import (
    KitaruClient,
    KitaruStateError,
    KitaruUsageError,
    checkpoint,
    current_execution_id,
    flow,
)
from kitaru._core.calls import described, names
from kitaru._engine.journal.leases import Holder
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._engine.zenml.recording import artifact_versions
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.runs.runs import find_run
from tests.support.polling import eventually

pytestmark = pytest.mark.zenml

DEAD = replace(Holder.me(), pid=2**22 + 1, started="never")
broken = False


@checkpoint
def work() -> str:
    return "done"


@flow
def working() -> str:
    done = work()
    if broken:
        raise ValueError("broken")
    return done


def failed(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the id of an execution that has failed and would not again."""
    with monkeypatch.context() as here:
        here.setitem(globals(), "broken", True)
        return working.run().exec_id


def left_running(engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the id of an execution whose runner is gone."""
    execution_id = failed(monkeypatch)
    runs.set_status(execution_id, RunStatus.RESUMING, None)
    engine.journal.hand_over(execution_id, DEAD)
    return execution_id


def test_a_runner_that_ended_while_somebody_looked_is_not_taken_for_dead(
    engine: ZenMLEngine, client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = left_running(engine, monkeypatch)
    seen_before = find_run(execution_id)
    runs.set_status(execution_id, RunStatus.COMPLETED, None)

    now = engine._reconciler.met(seen_before, has_open_wait=False)

    assert now.status is RunStatus.COMPLETED
    assert find_run(execution_id).status is RunStatus.COMPLETED


def test_a_retry_that_comes_after_another_one_has_completed_is_refused(
    engine: ZenMLEngine,
) -> None:
    execution_id = working.run().exec_id

    with pytest.raises(KitaruStateError, match="it was completed meanwhile"):
        engine.continue_execution(execution_id)

    assert engine.get(execution_id).status == "completed"
    assert engine.journal.lease(execution_id) is None


def test_a_request_to_cancel_that_came_too_late_does_not_stop_the_retry(
    engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = failed(monkeypatch)
    engine.journal.request_cancel(execution_id)

    ending = engine.continue_here(execution_id)

    assert ending.status == "completed"
    assert not engine.journal.cancel_requested(execution_id)


def test_cancel_of_an_execution_whose_runner_dies_meanwhile(
    engine: ZenMLEngine, client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = left_running(engine, monkeypatch)
    runner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    engine.journal.hand_over(execution_id, Holder.of(runner.pid))

    def die_when_asked_to_stop() -> None:
        requested = partial(engine.journal.cancel_requested, execution_id)
        eventually(requested, what="the request to cancel")
        runner.kill()

    with ThreadPoolExecutor() as beside:
        died = beside.submit(die_when_asked_to_stop)
        status = client.executions.cancel(execution_id).status

    died.result()
    runner.communicate()
    assert status == "cancelled"


def test_a_runner_that_another_one_took_over_from_ends_and_stores_nothing(
    engine: ZenMLEngine,
) -> None:
    ran: list[str] = []
    ids: list[str] = []

    @checkpoint
    def step(name: str) -> str:
        ran.append(name)
        if name == "second":
            # Meanwhile another process has become the runner.
            engine.journal.hand_over(ids[0], Holder("another-host.invalid", 1, "0"))
        return name

    @flow
    def sleepy() -> str:
        ids.append(str(current_execution_id()))
        step("first")
        try:
            step("second")
        except BaseException:
            step("third")
        return "done"

    with pytest.raises(
        KitaruStateError, match=r"process 1 on another-host.* runs it now"
    ):
        sleepy.run()

    assert ran == ["first", "second"]
    assert [call.invocation_id for call in engine.journal.calls(ids[0])] == ["step"]
    assert find_run(ids[0]).status is RunStatus.RUNNING
    lease = engine.journal.lease(ids[0])
    assert lease is not None
    assert lease.holder.host == "another-host.invalid"
    engine.journal.hand_over(ids[0], DEAD)


def test_a_run_of_zenml_alone_is_no_execution(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    execution_id = working.run().exec_id
    # What tells executions from other runs of ZenML.
    Client().zen_store.update_run(
        UUID(execution_id), PipelineRunUpdate(remove_tags=[runs.TAG])
    )

    with pytest.raises(KitaruUsageError, match="Kitaru did not start"):
        client.executions.retry(execution_id)


def test_ctrl_c_while_results_are_being_shown_does_not_make_a_failure(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    @flow
    def counting() -> int:
        return sum(len(work.with_options(id=f"work-{n}")()) for n in range(60))

    def interrupt_behind_the_body() -> None:
        eventually(body_is_over, what="the end of the body")
        os.kill(os.getpid(), signal.SIGINT)

    def body_is_over() -> bool:
        (newest,) = client.executions.list(flow="counting", limit=1) or (None,)
        if newest is None:
            return False
        result = names.artifact_id(newest.exec_id, described.FLOW, described.RESULT)
        return artifact_versions.find(result) is not None

    with ThreadPoolExecutor() as beside:
        interrupted = beside.submit(interrupt_behind_the_body)
        handle = counting.run()

    interrupted.result()
    assert handle.wait() == 240
    assert client.executions.get(handle.exec_id).status == "completed"
