"""A thousand executions without running them: copies of one in ZenML's database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

from lab import database_of


def multiply(store: Path, count: int) -> None:
    """Copy the newest execution of a store until there are `count`."""
    with closing(sqlite3.connect(database_of(store))) as database:
        for number in range(1, count):
            _copy(database, number)
        database.commit()
        ((found,),) = database.execute("SELECT count(*) FROM pipeline_run")
    assert found == count


def _copy(database: sqlite3.Connection, number: int) -> None:
    run, snapshot = uuid4().hex, uuid4().hex
    ((original, original_snapshot),) = database.execute(
        "SELECT id, snapshot_id FROM pipeline_run ORDER BY created LIMIT 1"
    )
    _insert(database, "pipeline_snapshot", "id", original_snapshot, id=snapshot)
    _insert(
        database,
        "pipeline_run",
        "id",
        original,
        id=run,
        name=f"copy-{number}",
        index=number + 1,
        snapshot_id=snapshot,
        orchestrator_run_id=str(UUID(run)),
    )
    _insert(
        database,
        "tag_resource",
        "resource_id",
        original,
        id=uuid4().hex,
        resource_id=run,
    )


def _insert(
    database: sqlite3.Connection, table: str, key: str, value: str, **changes: object
) -> None:
    """Insert a copy of a row with other values in some columns."""
    cursor = database.execute(f"SELECT * FROM {table} WHERE {key} = ?", (value,))
    names = [column[0] for column in cursor.description]
    row = dict(zip(names, cursor.fetchone(), strict=True)) | changes
    columns = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" for _ in row)
    database.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values())
    )
