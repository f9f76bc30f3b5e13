"""What is read from the store's file is what ZenML's client says, or ZenML is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from zenml.client import Client

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru._core.waits import answered
from kitaru._engine.journal.leases import Holder
from kitaru._engine.local.engine import LocalEngine
from kitaru._engine.local.rows import runs as run_rows
from kitaru._engine.local.rows import waits as wait_rows
from kitaru._engine.local.rows.store_rows import StoreRows
from kitaru._engine.local.store import ground
from kitaru._engine.open import use_engine
from kitaru._engine.port.engine import Engine, ExecutionQuery
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.waits.decisions import Decisions
from kitaru.errors import (
    KitaruBackendError,
    KitaruStateError,
    KitaruUserCodeError,
)
from kitaru.models import ExecutionStatus, PendingWait
from tests.support.polling import eventually

pytestmark = pytest.mark.zenml


class ZenMLAskedError(Exception):
    """The engine that works through ZenML was opened."""


def refuse() -> ZenMLEngine:
    raise ZenMLAskedError


@pytest.fixture
def local() -> LocalEngine:
    """What operators' commands use, in a process that cannot do with ZenML."""
    return LocalEngine(refuse, beside_zenml=True)


@checkpoint
def double(n: int) -> int:
    return 2 * n


@flow
def easy() -> int:
    return double(2)


@flow
def failing() -> None:
    double(1)
    raise ValueError("no such luck")


@flow
def asking() -> bool:
    double(3)
    return bool(kitaru.wait(name="sure", schema=bool, question="Sure?", timeout=0))


def started() -> dict[str, str]:
    """Return the ids of one execution of each flow, oldest first."""
    with pytest.raises(KitaruUserCodeError):
        (failed := failing.run()).get()
    return {
        "failing": failed.exec_id,
        "asking": asking.run().exec_id,
        "easy": easy.run().exec_id,
    }


def test_reads_agree_with_those_through_zenml(
    engine: ZenMLEngine, local: LocalEngine
) -> None:
    ids = started()
    queries = [
        ExecutionQuery(),
        ExecutionQuery(page=2, size=2),
        ExecutionQuery(page=9, size=2),
        ExecutionQuery(flow="easy"),
        ExecutionQuery(flow="none such"),
        *(ExecutionQuery(status=status) for status in ExecutionStatus),
    ]

    for query in queries:
        assert local.find(query) == engine.find(query), query
    for execution_id in ids.values():
        assert (
            local.get(execution_id).model_dump()
            == engine.get(execution_id).model_dump()
        )
        assert local.stored_status(execution_id) == engine.stored_status(execution_id)
        assert local.resolve_id(execution_id[:10]) == execution_id
        assert local.wait_names(execution_id) == engine.wait_names(execution_id)
    assert local.pending_waits(None) == engine.pending_waits(None) != []
    assert local.failure(ids["failing"]) == engine.failure(ids["failing"])
    loaded = [ref.load() for ref in local.artifacts(ids["easy"])]
    assert loaded == [4, 4]
    assert local.describe() == engine.describe()


def test_answered_waits_and_replays_agree(
    engine: ZenMLEngine, client: KitaruClient, local: LocalEngine
) -> None:
    source = asking.run().exec_id
    client.executions.abort_wait(source, wait="sure")
    replay = easy.replay(easy.run().exec_id, from_="double").exec_id

    for execution_id in (source, replay):
        assert (
            local.get(execution_id).model_dump()
            == engine.get(execution_id).model_dump()
        )
    assert [wait.outcome for wait in local.get(source).waits] == ["aborted"]
    assert local.get(replay).original_exec_id is not None


def test_runs_deleted_elsewhere_drop_out(
    engine: ZenMLEngine, local: LocalEngine
) -> None:
    gone = easy.run().exec_id
    kept = easy.run().exec_id

    Client().delete_pipeline_run(UUID(gone))

    assert [found.exec_id for found in local.find(ExecutionQuery()).items] == [kept]


def test_executions_that_others_made_are_listed(
    engine: ZenMLEngine, local: LocalEngine
) -> None:
    execution_id = easy.run().exec_id
    engine.journal.forget(execution_id)

    (found,) = local.find(ExecutionQuery()).items

    assert (found.exec_id, found.status) == (execution_id, ExecutionStatus.COMPLETED)
    with pytest.raises(ZenMLAskedError):
        local.get(execution_id)


def not_shown_yet(engine: ZenMLEngine, execution_id: str) -> None:
    change(engine, "UPDATE calls SET projected = 0")


def answered_by_one_who_died(engine: ZenMLEngine, execution_id: str) -> None:
    (wait,) = engine.pending_waits(execution_id)
    engine.journal.decide(wait.wait_id, execution_id, {"value": True})


def runner_died(engine: ZenMLEngine, execution_id: str) -> None:
    with closing(sqlite3.connect(engine.describe()["store"][10:])) as db, db:
        db.execute("UPDATE pipeline_run SET status = 'running'")
    engine.journal.hand_over(execution_id, Holder.me())
    change(engine, "UPDATE leases SET pid = 99999999")


def change(engine: ZenMLEngine, statement: str) -> None:
    with engine.journal.transaction() as db:
        db.execute(statement)


@pytest.mark.parametrize(
    ("happen", "status"),
    [
        (not_shown_yet, ExecutionStatus.WAITING),
        (runner_died, ExecutionStatus.FAILED),
        (answered_by_one_who_died, ExecutionStatus.COMPLETED),
    ],
)
def test_what_nobody_goes_on_with_is_put_right(
    happen: Callable[[ZenMLEngine, str], None],
    status: ExecutionStatus,
    engine: ZenMLEngine,
    local: LocalEngine,
) -> None:
    execution_id = asking.run().exec_id

    happen(engine, execution_id)

    eventually(lambda: local.get(execution_id).status is status, what=status)
    eventually(lambda: engine.journal.lease(execution_id) is None, what="no runner")
    assert engine.journal.calls(execution_id, unprojected=True) == []
    assert local.get(execution_id).model_dump() == engine.get(execution_id).model_dump()


def test_what_is_in_zenml_alone_is_read_there(
    engine: ZenMLEngine, local: LocalEngine
) -> None:
    execution_id = asking.run().exec_id
    engine.journal.update_execution(execution_id, compacted=True)

    with pytest.raises(ZenMLAskedError):
        local.get(execution_id)


def test_a_process_that_needs_zenml_goes_through_it_from_then_on(
    engine: ZenMLEngine,
) -> None:
    opened = LocalEngine(lambda: engine)

    assert opened.find(ExecutionQuery()) == engine.find(ExecutionQuery())
    assert opened.through_zenml is engine
    assert opened.secrets is engine.secrets


def test_a_run_that_goes_on_is_marked_as_zenml_marks_it(engine: ZenMLEngine) -> None:
    by_zenml, by_us = asking.run().exec_id, asking.run().exec_id

    runs.mark_resuming(runs.find_run(by_zenml))
    run_rows.mark_resuming(
        StoreRows(ground.read()), by_us, seen=ExecutionStatus.WAITING
    )

    theirs, ours = row_of(engine, by_zenml), row_of(engine, by_us)
    assert ours["status"] == "resuming"
    assert alike(ours) == alike(theirs)


def test_an_answer_is_marked_as_zenml_marks_it(engine: ZenMLEngine) -> None:
    waits = [engine.pending_waits(asking.run().exec_id)[0] for _ in range(2)]
    answer = answered.given(True, by="me@here", surface="cli")

    Decisions(engine.journal).decide(waits[0], answer)
    for _ in range(2):
        # The second time it is there already.
        wait_rows.follow(
            StoreRows(ground.read()), waits[1].exec_id or "", waits[1].wait_id, answer
        )

    theirs, ours = (rows_of_wait(engine, wait) for wait in waits)
    assert len(ours) == 4
    assert [alike(row) for row in ours] == [alike(row) for row in theirs]


BODIES: list[int] = []


@flow
def losing() -> None:
    """Lose the store in the middle, and then wait."""
    BODIES.append(double(1))
    store = ground.read().database
    store.rename(store.with_suffix(".lost"))
    kitaru.wait(name="sure", schema=bool, timeout=0)


def test_a_doubt_in_the_middle_does_not_begin_again_through_zenml(
    engine: ZenMLEngine, local: LocalEngine
) -> None:
    store = ground.read().database
    BODIES.clear()

    # It would raise if the other engine were asked to run the flow from its beginning.
    with use_engine(cast(Engine, local)):
        exec_id = losing.run().exec_id
    store.with_suffix(".lost").rename(store)

    assert BODIES == [2]
    assert engine.journal.lease(exec_id) is None
    assert local.get(exec_id).status is ExecutionStatus.WAITING


def test_a_process_that_cannot_be_started_leaves_a_failed_execution(
    engine: ZenMLEngine, local: LocalEngine, tmp_path: Path
) -> None:
    execution_id = failing.run().exec_id
    # It is there, and the system does not run it.
    python = tmp_path / "python"
    python.touch()
    engine.journal.update_execution(execution_id, python=str(python))

    with pytest.raises(KitaruBackendError, match="executions retry"):
        local.continue_execution(execution_id, seen=ExecutionStatus.FAILED)

    execution = local.get(execution_id)
    assert execution.status is ExecutionStatus.FAILED
    assert execution.failure is not None
    assert "no process could be started" in execution.failure.message
    assert engine.journal.lease(execution_id) is None


@pytest.mark.parametrize("by", ["local", "engine"])
def test_what_was_to_go_on_and_has_nobody_has_failed(
    engine: ZenMLEngine, local: LocalEngine, by: str
) -> None:
    execution_id = failing.run().exec_id
    run_rows.mark_resuming(
        StoreRows(ground.read()), execution_id, seen=ExecutionStatus.FAILED
    )

    execution = {"local": local, "engine": engine}[by].get(execution_id)

    assert execution.status is ExecutionStatus.FAILED
    assert execution.failure is not None
    assert "no process was started" in execution.failure.message


def test_what_has_ended_does_not_go_on(engine: ZenMLEngine, local: LocalEngine) -> None:
    execution_id = easy.run().exec_id
    before = row_of(engine, execution_id)

    with pytest.raises(KitaruStateError, match="it was completed"):
        local.continue_execution(execution_id, seen=ExecutionStatus.FAILED)

    assert row_of(engine, execution_id) == before
    assert engine.journal.lease(execution_id) is None


def test_the_second_answer_is_refused(engine: ZenMLEngine, local: LocalEngine) -> None:
    (wait,) = local.pending_waits(asking.run().exec_id)
    engine.journal.decide(wait.wait_id, wait.exec_id or "", {"value": False})

    with pytest.raises(KitaruStateError, match="answered by somebody else"):
        local.answer(wait, True, surface="cli")

    noted = engine.journal.answer(wait.wait_id)
    assert noted is not None
    assert noted["value"] is False


# What tells two runs, waits or notes apart, and when they were made.
OWN = ("id", "name", "orchestrator_run_id", "index", "snapshot_id", "run_id")
OWN += ("resource_id", "run_metadata_id")
MOMENTS = ("created", "updated", "start_time", "resolved_at")


def alike(row: dict[str, Any]) -> dict[str, Any]:
    """Return what is the same in rows that say the same; moments have the same form."""
    found = {name: value for name, value in row.items() if name not in OWN}
    return found | {name: len(found[name]) for name in MOMENTS if found.get(name)}


def row_of(engine: ZenMLEngine, execution_id: str) -> dict[str, Any]:
    """Return the row of a run, by column."""
    query = "SELECT * FROM pipeline_run WHERE id = ?"
    (row,) = rows(engine, query, UUID(execution_id).hex)
    return row


def rows_of_wait(engine: ZenMLEngine, wait: PendingWait) -> list[dict[str, Any]]:
    """Return the rows of a wait and of the note of its answer, by column."""
    wait_id = UUID(wait.wait_id).hex
    key = "kitaru_answer_%"
    notes = (
        "SELECT * FROM run_metadata WHERE key LIKE ? AND id IN "
        "(SELECT run_metadata_id FROM run_metadata_resource WHERE resource_id = ?)"
    )
    found = rows(engine, "SELECT * FROM run_wait_condition WHERE id = ?", wait_id)
    (note,) = rows(engine, notes, key, wait_id)
    of_note = "SELECT * FROM run_metadata_resource WHERE run_metadata_id = ?"
    return [
        *found,
        note,
        *rows(engine, f"{of_note} ORDER BY resource_type", note["id"]),
    ]


def rows(engine: ZenMLEngine, query: str, *values: str) -> list[dict[str, Any]]:
    """Return rows of ZenML's store, by column."""
    with closing(sqlite3.connect(engine.describe()["store"][10:])) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(query, values)]
