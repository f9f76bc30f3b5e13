"""What is read from the store's file is what ZenML's client says, or ZenML is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from uuid import UUID

import pytest
from zenml.client import Client

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru._engine.journal.leases import Holder
from kitaru._engine.local.engine import LocalEngine
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru.errors import KitaruUserCodeError
from kitaru.models import ExecutionStatus

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


def compacted(engine: ZenMLEngine, execution_id: str) -> None:
    engine.journal.update_execution(execution_id, compacted=True)


def change(engine: ZenMLEngine, statement: str) -> None:
    with engine.journal.transaction() as db:
        db.execute(statement)


@pytest.mark.parametrize(
    "happen", [not_shown_yet, answered_by_one_who_died, runner_died, compacted]
)
def test_what_is_to_be_put_right_goes_through_zenml(
    happen: Callable[[ZenMLEngine, str], None],
    engine: ZenMLEngine,
    local: LocalEngine,
) -> None:
    execution_id = asking.run().exec_id
    local.get(execution_id)

    happen(engine, execution_id)

    with pytest.raises(ZenMLAskedError):
        local.get(execution_id)


def test_a_process_that_needs_zenml_goes_through_it_from_then_on(
    engine: ZenMLEngine,
) -> None:
    opened = LocalEngine(lambda: engine)

    assert opened.find(ExecutionQuery()) == engine.find(ExecutionQuery())
    assert opened.through_zenml is engine
    assert opened.secrets is engine.secrets
