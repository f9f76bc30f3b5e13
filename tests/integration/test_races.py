"""What two processes that meet at one execution do to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest
from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus
from zenml.models import PipelineRunUpdate

from kitaru import (
    ExecutionStatus,
    KitaruClient,
    KitaruStateError,
    KitaruUsageError,
    checkpoint,
    current_execution_id,
    flow,
    wait,
)
from kitaru._core.calls import described, names
from kitaru._core.waits import answered
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
        engine.continue_execution(execution_id, seen=ExecutionStatus.FAILED)

    assert engine.get(execution_id).status == "completed"
    assert engine.journal.lease(execution_id) is None


def test_of_two_retries_that_both_saw_a_failure_the_second_is_told(
    engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = failed(monkeypatch)
    seen_by_both = find_run(execution_id)
    runs.mark_resuming(seen_by_both)
    with engine.journal.transaction() as db:
        db.execute(
            "INSERT INTO queue (execution_id, pool) VALUES (?, '')", (execution_id,)
        )

    with pytest.raises(KitaruStateError, match="somebody else was faster"):
        engine.continue_execution(execution_id, seen=ExecutionStatus.FAILED)
    with pytest.raises(KitaruStateError, match="queues for a process already"):
        engine.launcher.continue_elsewhere(seen_by_both)
    # On a server there is no journal of both.
    with pytest.raises(
        KitaruStateError, match="is running by now, and nothing"
    ) as told:
        runs.mark_resuming(seen_by_both)

    assert "resumed" not in str(told.value)
    assert engine.queue.holds(execution_id)
    assert engine.journal.lease(execution_id) is None
    client = KitaruClient()
    assert client.executions.cancel(execution_id).status == "cancelled"
    assert not engine.queue.holds(execution_id)


def test_a_retry_of_what_was_removed_meanwhile_says_so(
    engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = failed(monkeypatch)
    seen_before = find_run(execution_id)
    Client().zen_store.delete_run(seen_before.id)

    with pytest.raises(KitaruStateError, match="it was removed meanwhile"):
        engine.launcher.continue_elsewhere(seen_before)
    assert engine.journal.lease(execution_id) is None


def answered_but_not_taken(engine: ZenMLEngine) -> str:
    """Return the id of an execution whose answer nobody has taken."""

    @flow
    def asking() -> str:
        return work() if wait(schema=bool, timeout=0) else "no"

    (question,) = engine.pending_waits(asking.run().exec_id)
    assert question.exec_id is not None
    answer = answered.given(True, by="me@here", surface="cli")
    engine.journal.decide(question.wait_id, question.exec_id, answer.to_dict())
    return question.exec_id


def test_what_was_answered_can_be_cancelled_before_it_goes_on(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    execution_id = answered_but_not_taken(engine)

    assert client.executions.cancel(execution_id).status == "cancelled"

    assert engine.journal.lease(execution_id) is None
    assert engine.journal.calls(execution_id) == []
    with pytest.raises(KitaruStateError, match="it was cancelled"):
        client.executions.resume(execution_id)


def test_of_resume_and_cancel_at_once_both_are_told_the_truth(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    execution_id = answered_but_not_taken(engine)
    together = threading.Barrier(2)

    def tried(act: Callable[[str], object]) -> bool:
        together.wait()
        try:
            act(execution_id)
        except KitaruStateError:
            return False
        return True

    with ThreadPoolExecutor() as pool:
        acts = [client.executions.resume, client.executions.cancel]
        asked = [pool.submit(copy_context().run, tried, act) for act in acts]
        resumed, cancelled = [one.result() for one in asked]

    status = client.executions.get(execution_id).status
    assert (resumed, cancelled, status) in {
        (False, True, "cancelled"),
        (True, False, "completed"),
        # It ran, and stopped before its checkpoint.
        (True, True, "cancelled"),
    }


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
