"""What it costs to look at stores that hold many executions."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from kitaru import KitaruClient, flow, wait
from kitaru._engine.zenml.engine import ZenMLEngine
from tests.support.statements import statements_of_this_thread

pytestmark = pytest.mark.zenml

ATTACHED = (
    ("tag_resource", "resource_id"),
    ("run_wait_condition", "run_id"),
    ("pipeline_run_output", "pipeline_run_id"),
)


def multiply(config: Path, execution_id: str, count: int) -> None:
    """Copy an execution's rows in the store, as if it had been run `count` times more."""
    path = config / "local_stores" / "default_zen_store" / "zenml.db"
    own = uuid.UUID(execution_id).hex
    with closing(sqlite3.connect(path)) as store, store:
        store.row_factory = sqlite3.Row
        run = dict(
            store.execute("SELECT * FROM pipeline_run WHERE id = ?", (own,)).fetchone()
        )
        attached = {
            (table, column): store.execute(
                f"SELECT * FROM {table} WHERE {column} = ?", (own,)
            ).fetchall()
            for table, column in ATTACHED
        }
        snapshot = dict(
            store.execute(
                "SELECT * FROM pipeline_snapshot WHERE id = ?", (run["snapshot_id"],)
            ).fetchone()
        )
        for number in range(count):
            copy, its_snapshot = uuid.uuid4().hex, uuid.uuid4().hex
            own_values = {
                "id": copy,
                "name": f"copy {copy}",
                "index": number + 10,
                "orchestrator_run_id": copy,
                "snapshot_id": its_snapshot,
            }
            _insert(store, "pipeline_snapshot", snapshot | {"id": its_snapshot})
            _insert(store, "pipeline_run", run | own_values)
            for (table, column), rows in attached.items():
                for row in rows:
                    changed = {"id": uuid.uuid4().hex, column: copy}
                    _insert(store, table, dict(row) | changed)


def _insert(store: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    columns = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" * len(row))
    store.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", [*row.values()])


@pytest.mark.parametrize("status", ["completed", "waiting"])
def test_a_page_takes_as_many_statements_however_many_executions_there_are(
    engine: ZenMLEngine, client: KitaruClient, config: Path, status: str
) -> None:
    @flow
    def listed(pause: bool) -> None:
        if pause:
            wait(timeout=0)

    handle = listed.run(status == "waiting")
    multiply(config, handle.exec_id, 30)
    client.executions.list(size=20)
    with statements_of_this_thread() as before:
        client.executions.list(size=20)
    multiply(config, handle.exec_id, 970)

    with statements_of_this_thread() as after:
        page = client.executions.list(size=20)
    with statements_of_this_thread() as later:
        client.executions.list(page=50, size=20)

    assert [execution.status for execution in page] == [status] * 20
    assert len(after) <= len(before)
    assert len(later) <= len(before)


def test_all_open_waits_take_three_statements_however_many_there_are(
    engine: ZenMLEngine, client: KitaruClient, config: Path
) -> None:
    @flow
    def listed() -> None:
        wait(question="well?", metadata={"a": 1}, timeout=0)

    handle = listed.run()
    multiply(config, handle.exec_id, 40)
    client.executions.pending_waits()

    with statements_of_this_thread() as statements:
        waits = client.executions.pending_waits()

    assert len({found.exec_id for found in waits}) == 41
    assert {found.question for found in waits} == {"well?"}
    assert len(statements) <= 3


def test_a_longer_page_takes_no_more_statements(
    engine: ZenMLEngine, client: KitaruClient, config: Path
) -> None:
    @flow
    def listed() -> None:
        return None

    multiply(config, listed.run().exec_id, 99)
    client.executions.list(size=5)
    with statements_of_this_thread() as short:
        client.executions.list(size=5)

    with statements_of_this_thread() as long:
        client.executions.list(size=100)

    # SQLAlchemy asks for related rows in groups of 500 parameters.
    assert len(long) <= len(short) + 2
