"""What `reconcile` does about executions that nobody goes on with."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner
from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus
from zenml.enums import RunWaitConditionResolution as Resolution

from kitaru import KitaruClient, checkpoint, connect, flow, wait
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder
from kitaru._engine.local.engine import LocalEngine
from kitaru._engine.open import use_engine
from kitaru._engine.runners.queue import Queue
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._engine.zenml.pods import turns
from kitaru._engine.zenml.pods.turns import PodTurns
from kitaru._engine.zenml.recording import artifact_versions
from kitaru._engine.zenml.recovery.recovery import Reconciler
from kitaru._engine.zenml.recovery.sweep import ZenMLReconciling
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.runs.runs import find_run
from kitaru.cli.app import app
from tests.support import store
from tests.support.server import RunningServer
from tests.support.workspace import Workspace

pytestmark = pytest.mark.zenml

DEAD = replace(Holder.me(), pid=2**22 + 1, started="never")


@checkpoint
def work() -> str:
    return "done"


@flow
def working() -> str:
    return work()


@flow
def breaking() -> str:
    work()
    raise ValueError("broken")


@flow
def asking() -> str:
    first = work()
    return f"{first}, said {wait(schema=bool, name='ok', timeout=0)}"


def answer_in_zenml(execution_id: str) -> None:
    """Answer as the dashboard does: nobody of ours hears of it."""
    (condition,) = Client().list_run_wait_conditions(pipeline_run=execution_id).items
    Client().resolve_run_wait_condition(
        condition.id, resolution=Resolution.CONTINUE, result=True
    )


def left_running(engine: ZenMLEngine) -> str:
    """Return the id of an execution whose runner is gone."""
    execution_id = breaking.run().exec_id
    runs.set_status(execution_id, RunStatus.RESUMING, None)
    engine.journal.hand_over(execution_id, DEAD)
    return execution_id


def test_a_dead_runner_is_found_and_its_execution_failed(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    execution_id = left_running(engine)

    (planned,) = client.reconcile(dry_run=True)
    before = find_run(execution_id).status
    (done,) = client.reconcile()

    assert before is RunStatus.RESUMING
    assert (planned.trouble, planned.remedy) == ("runner died", "fail")
    assert (planned.done, done.done) == (False, True)
    assert done.exec_id == execution_id
    assert "finished checkpoints are kept" in done.detail
    failure = client.executions.get(execution_id).failure
    assert failure is not None
    assert failure.origin == "runtime"
    assert client.reconcile() == []


def test_what_does_well_is_left_alone(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    waiting = asking.run().exec_id
    # Somebody lives who runs it: this process.
    runs_here = left_running(engine)
    engine.journal.hand_over(runs_here, Holder.me())

    assert client.reconcile() == []
    assert find_run(waiting).status is RunStatus.PAUSED
    assert find_run(runs_here).status is RunStatus.RESUMING


def test_what_the_dead_had_begun_to_write_and_their_places_go(
    engine: ZenMLEngine, config: Path
) -> None:
    execution_id = working.run().exec_id
    values = Path(artifact_versions.folder_of(execution_id))
    values.mkdir(parents=True, exist_ok=True)
    left = [folder / ".draft-of-the-dead" for folder in (values, config / "kitaru")]
    for file in left:
        file.touch()
        os.utime(file, (0, 0))
    pool = "met by nobody again"
    engine.queue.join("gone", pool, DEAD)

    list(engine.reconciling.reconcile(dry_run=True, progress=None))
    assert all(file.exists() for file in left)
    list(engine.reconciling.reconcile(dry_run=False, progress=None))

    assert [file for file in left if file.exists()] == []
    assert engine.journal.read("SELECT pool FROM places", ()) == []


@pytest.mark.parametrize("kind", [LocalEngine, ZenMLEngine])
def test_what_a_command_left_on_its_way_to_a_process_can_be_retried(
    engine: ZenMLEngine, kind: type[LocalEngine] | type[ZenMLEngine]
) -> None:
    execution_id = breaking.run().exec_id
    # It had the lease before it said so, and has given that up.
    runs.set_status(execution_id, RunStatus.RESUMING, None)
    looking = (
        LocalEngine(ZenMLEngine, beside_zenml=True) if kind is LocalEngine else engine
    )

    with use_engine(looking):
        found = KitaruClient().executions.get(execution_id)

    assert found.status == "failed"
    assert found.failure is not None
    assert found.failure.message.startswith("no process was started")


def test_a_flow_that_runs_looks_after_those_that_nobody_runs(
    engine: ZenMLEngine,
) -> None:
    execution_id = left_running(engine)
    beside = LocalEngine(ZenMLEngine, beside_zenml=True)
    assert beside.wakes_others

    beside.wake_others()

    assert find_run(execution_id).status is RunStatus.FAILED


def test_leases_of_the_dead_go_with_executions_that_have_ended(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    execution_id = working.run().exec_id
    engine.journal.hand_over(execution_id, DEAD)

    client.reconcile()

    assert engine.journal.lease(execution_id) is None


def test_the_command_says_what_it_did(engine: ZenMLEngine) -> None:
    left_running(engine)

    said = [CliRunner().invoke(app, ["reconcile"]) for _ in range(2)]

    assert [done.exit_code for done in said] == [0, 0]
    assert "runner died" in said[0].stdout
    assert said[1].stdout == "Nothing to put right.\n"


def test_an_interval_that_is_none_is_refused(engine: ZenMLEngine) -> None:
    done = CliRunner().invoke(app, ["reconcile", "--watch", "--every", "0"])

    assert "too short" in str(done.exception)


def test_an_interval_without_a_watch_is_refused(client: KitaruClient) -> None:
    done = CliRunner().invoke(app, ["reconcile", "--every", "5"])

    assert "--every is for --watch" in str(done.exception)


def refused(run: object) -> NoReturn:
    """Continue nothing: that it was tried is the mistake."""
    raise AssertionError(run)


def test_what_runs_on_another_machine_is_left_to_it(
    config: Path, zenml_server: RunningServer, tmp_path: Path
) -> None:
    connect(zenml_server.url, api_key=zenml_server.api_key)
    execution_id = asking.run().exec_id
    answer_in_zenml(execution_id)
    # The same server and another journal: another machine.
    journal = Journal(tmp_path / "journal.db")
    queue = Queue(journal)
    reconciler = Reconciler(journal, queue, refused)
    sweep = ZenMLReconciling(journal, queue, reconciler)

    passed_over = list(sweep.reconcile(dry_run=False, progress=None))
    met = reconciler.met(find_run(execution_id), has_open_wait=False, asked=True)
    here = KitaruClient().reconcile()

    assert execution_id not in [item.exec_id for item in passed_over]
    assert met.status is RunStatus.PAUSED
    assert execution_id in [item.exec_id for item in here if item.done]
    journal.close()


def test_an_answer_from_where_nothing_can_go_on_is_no_error(
    config: Path, zenml_server: RunningServer, prepared_store: Path, tmp_path: Path
) -> None:
    connect(zenml_server.url, api_key=zenml_server.api_key)
    execution_id = asking.run().exec_id
    # The same server and another configuration.
    colleague = Workspace(
        tmp_path / "colleague", store.copy(prepared_store, tmp_path / "theirs")
    )
    there = {
        "KITARU_SERVER_URL": zenml_server.url,
        "KITARU_AUTH_TOKEN": zenml_server.api_key,
    }

    done = colleague.kitaru(
        *("executions", "input", execution_id, "--value", "true"), environment=there
    )
    colleague.end()

    (asked,) = KitaruClient().executions.get(execution_id).waits
    assert "Error" not in done.both
    assert (asked.outcome, asked.answer) == ("answered", True)


def test_one_pod_of_many_has_a_turn(config: Path, zenml_server: RunningServer) -> None:
    connect(zenml_server.url, api_key=zenml_server.api_key)
    execution_id = asking.run().exec_id
    pods = [PodTurns(execution_id) for _ in range(8)]

    def all_at_once() -> list[bool]:
        with ThreadPoolExecutor(len(pods)) as beside:
            return list(beside.map(PodTurns.take, pods))

    first = all_at_once()
    again = all_at_once()
    answer_in_zenml(execution_id)
    after_answer = all_at_once()
    run = find_run(execution_id)
    # Two people who retry the same failure ask for the same turn.
    turns.ask_for_retry(run)
    turns.ask_for_retry(run)
    after_retry = all_at_once()
    runs.set_status(execution_id, RunStatus.COMPLETED, None)
    late = PodTurns(execution_id).take()

    assert [first.count(True), after_answer.count(True)] == [1, 1]
    assert again == first
    assert after_retry.count(True) == 1
    assert not late
    KitaruClient().reconcile()
    tags = Client().list_tags(name=f"contains:{execution_id}").items
    assert [tag.name for tag in tags] == []
