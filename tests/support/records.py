"""What a store says of its executions, such that two stores can be compared.

Ids, moments, processes and folders differ from one run to the next: they become marks, the
same for the same id.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

TABLES = (
    *("pipeline", "pipeline_snapshot", "pipeline_run", "pipeline_run_output"),
    *("tag", "tag_resource", "artifact", "artifact_version", "run_wait_condition"),
    *("step_run", "step_configuration", "step_run_parents"),
    *("step_run_input_artifact", "step_run_output_artifact"),
    *("run_metadata", "run_metadata_resource", "logs", "code_reference"),
)
# What each start has its own of, or makes by chance.
_OWN = {
    ("tag", "color"),
    ("pipeline_snapshot", "client_environment"),
    ("pipeline_run", "orchestrator_environment"),
    # Whole frames of whoever ran the body.
    ("pipeline_run", "exception_info"),
}
_ID = re.compile(
    r"\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b"
)
_MOMENT = re.compile(
    r"\d{4}[-_]\d\d[-_]\d\d[ T_-]\d\d[:_]\d\d[:_]\d\d([._]\d+)?(Z|\+00:00)?"
)
_PROCESS = re.compile(r'"runner": ?\{[^}]*\}')


def described(database: Path, folder: Path) -> dict[str, list[str]]:
    """Return the rows of each table as sorted texts.

    Args:
        database: The store.
        folder: The folder that it is in, which is not part of what it says.
    """
    with closing(sqlite3.connect(database)) as db:
        tables = {name: list(_rows(db, name, folder)) for name in TABLES}
    marks: dict[str, str] = {}

    def mark(found: re.Match[str]) -> str:
        plain = found[0].replace("-", "")
        return marks.setdefault(plain, f"<{len(marks)}>")

    texts = {}
    for name, rows in tables.items():
        # Rows that differ in their ids alone come in any order.
        rows.sort(key=lambda text: _ID.sub("", text))
        texts[name] = [_ID.sub(mark, text) for text in rows]
    return texts


def _rows(db: sqlite3.Connection, table: str, folder: Path) -> Iterator[str]:
    found = db.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in found.description]
    for row in found:
        said = {
            name: _plain(value)
            for name, value in zip(names, row, strict=True)
            if (table, name) not in _OWN and name != "id"
        }
        # Ids come last: what a row says sorts it.
        text = json.dumps(said, sort_keys=True).replace(str(folder), "<folder>")
        text = _MOMENT.sub("<moment>", _PROCESS.sub('"runner": {}', text))
        yield text + json.dumps(row[names.index("id")] if "id" in names else "")


def _plain(value: Any) -> Any:
    """Return documents as data, however they were written."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
