"""A thousand executions without running them: copies of one, in ZenML and the journal."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

from benchmarks.lab import database_of, journal_of


def multiply(store: Path, count: int) -> None:
    """Copy the one execution of a store until there are `count`."""
    with (
        closing(sqlite3.connect(database_of(store))) as zenml,
        closing(sqlite3.connect(journal_of(store))) as journal,
    ):
        ((run, snapshot),) = zenml.execute("SELECT id, snapshot_id FROM pipeline_run")
        for number in range(1, count):
            copy = uuid4()
            _copy_run(zenml, run, snapshot, copy, number)
            _copy_rows(journal, UUID(run), copy)
        zenml.commit()
        journal.commit()
        ((found,),) = zenml.execute("SELECT count(*) FROM pipeline_run")
        ((noted,),) = journal.execute("SELECT count(*) FROM executions")
    assert found == noted == count


def _copy_run(
    zenml: sqlite3.Connection, run: str, snapshot: str, copy: UUID, number: int
) -> None:
    own = uuid4().hex
    _insert(zenml, "pipeline_snapshot", "id", snapshot, id=own)
    changed = {"id": copy.hex, "name": f"copy-{number}", "index": number + 1}
    orchestrated = {"snapshot_id": own, "orchestrator_run_id": str(copy)}
    _insert(zenml, "pipeline_run", "id", run, **changed, **orchestrated)
    tagged = {"id": uuid4().hex, "resource_id": copy.hex}
    _insert(zenml, "tag_resource", "resource_id", run, **tagged)


def _copy_rows(journal: sqlite3.Connection, run: UUID, copy: UUID) -> None:
    old, new = str(run), str(copy)
    journal.execute(
        "INSERT INTO executions (execution_id, body) "
        "SELECT ?, body FROM executions WHERE execution_id = ?",
        (new, old),
    )
    journal.execute(
        "INSERT INTO calls (execution_id, invocation_id, body, payloads, projected) "
        "SELECT ?, invocation_id, replace(body, ?, ?), payloads, projected "
        "FROM calls WHERE execution_id = ?",
        (new, old, new, old),
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
