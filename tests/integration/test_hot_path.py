"""What one durable checkpoint costs the flow: a commit, and nothing of ZenML."""

from __future__ import annotations

import subprocess

import pytest
from zenml.enums import ExecutionStatus as RunStatus

from kitaru import ExecutionStatus, checkpoint, flow
from kitaru._engine.recording.projector import is_finishing
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._engine.zenml.recording import step_runs
from kitaru._engine.zenml.runs import runs
from tests.support.polling import eventually
from tests.support.statements import statements_of_this_thread

pytestmark = pytest.mark.zenml


def test_a_trivial_checkpoint_costs_one_commit_and_no_zenml_call(
    engine: ZenMLEngine,
) -> None:
    counts: list[tuple[int, list[str]]] = []

    @checkpoint
    def trivial(n: int) -> int:
        return n

    @flow
    def counted() -> None:
        trivial(0)
        for n in range(5):
            with statements_of_this_thread() as statements:
                before = engine.journal.commits
                trivial(n)
                counts.append((engine.journal.commits - before, list(statements)))

    counted.run().get()

    assert counts == [(1, [])] * 5


def test_the_counter_of_statements_sees_zenml_calls(engine: ZenMLEngine) -> None:
    with statements_of_this_thread() as statements:
        engine.pending_waits(None)

    assert statements


def test_second_run_starts_no_process_to_list_packages(
    engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    @flow
    def empty() -> None:
        return None

    empty.run()
    asked: list[object] = []
    monkeypatch.setattr(subprocess, "check_output", asked.append)

    empty.run().get()

    assert asked == []


def test_a_second_run_asks_the_store_no_more_than_zenml_needs(
    engine: ZenMLEngine,
) -> None:
    @checkpoint
    def trivial(n: int) -> int:
        return n

    @flow
    def one() -> int:
        return trivial(1)

    one.run()

    with statements_of_this_thread() as statements:
        one.run()

    # Nearly all is ZenML's: the pipeline, its snapshot, the run and three updates of it.
    assert len(statements) < 145


def test_an_abandoned_run_goes_on_as_cheaply_after_many_calls_as_after_few(
    engine: ZenMLEngine,
) -> None:
    needed: list[int] = []
    statements: list[str] = []

    @checkpoint
    def trivial(n: int) -> int:
        return n

    @flow
    def broken(calls: int) -> None:
        total = sum(trivial(n) for n in range(calls))
        needed.append(len(statements))
        raise OSError(total)

    for calls in (2, 30):
        handle = broken.run(calls)
        # A runner that was killed leaves it like this.
        runs.set_status(handle.exec_id, RunStatus.RESUMING, None)
        runs.set_status(handle.exec_id, RunStatus.RUNNING, None)
        with statements_of_this_thread() as found:
            statements = found
            engine.continue_here(handle.exec_id)

    _, after_few, _, after_many = needed
    # ZenML's runner reads the step runs for itself, page by page.
    assert after_few < 60
    assert after_many < after_few + 15


def test_rerun_reads_the_known_results_without_a_commit_for_each(
    engine: ZenMLEngine,
) -> None:
    counts: list[tuple[int, list[str]]] = []
    broken = True

    @checkpoint
    def trivial(n: int) -> int:
        return n

    @flow
    def counted() -> None:
        for n in range(5):
            with statements_of_this_thread() as statements:
                before = engine.journal.commits
                trivial(n)
                counts.append((engine.journal.commits - before, list(statements)))
        if broken:
            raise OSError("down")

    handle = counted.run()
    counts.clear()
    broken = False

    engine.continue_execution(handle.exec_id, seen=ExecutionStatus.FAILED)

    assert handle.get() is None
    assert counts == [(0, [])] * 5


def test_a_replay_from_95_of_100_costs_about_an_empty_flow(engine: ZenMLEngine) -> None:
    ran: list[int] = []

    @checkpoint
    def trivial(n: int) -> int:
        ran.append(n)
        return n

    @flow
    def counted(calls: int) -> int:
        return sum(trivial(n) for n in range(calls))

    source = counted.run(100)
    ran.clear()
    with statements_of_this_thread() as empty:
        counted.run(0).get()
    commits = engine.journal.commits

    with statements_of_this_thread() as replayed:
        again = counted.replay(source.exec_id, from_="trivial_96")

    assert again.get() == sum(range(100))
    assert ran == [95, 96, 97, 98, 99]
    # Five results, and a few commits for the execution and what it takes over.
    assert engine.journal.commits - commits < 20
    # The plan reads the source; nothing depends on how many calls are reused.
    assert len(replayed) < 2 * len(empty) + 60


def test_result_of_a_replay_does_not_wait_until_what_it_reused_is_shown(
    engine: ZenMLEngine,
) -> None:
    @checkpoint
    def trivial(n: int) -> int:
        return n

    @flow
    def counted() -> int:
        return sum(trivial(n) for n in range(5))

    source = counted.run()
    handle = counted.replay(source.exec_id, from_="trivial_5")

    with statements_of_this_thread() as statements:
        assert handle.wait() == 10

    assert not [text for text in statements if text.startswith("INSERT")]
    eventually(lambda: not is_finishing(handle.exec_id), what="all of it shown")
    assert len(step_runs.step_runs(handle.exec_id)) == 5
