"""What a store says of its executions, such that two stores can be compared.

Ids, moments, processes and folders differ from one store to the next: an id becomes the name
of what it is the id of.
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
    "artifact_visualization",
    *("step_run", "step_configuration", "step_run_parents"),
    *("step_run_input_artifact", "step_run_output_artifact"),
    *("run_metadata", "run_metadata_resource", "logs", "code_reference"),
)
# What each has its own of, or makes by chance.
_OWN = {
    ("tag", "color"),
    ("pipeline_run", "orchestrator_run_id"),
    # ZenML keeps the frames of whoever called the flow.
    ("pipeline_run", "exception_info"),
    ("pipeline_snapshot", "client_environment"),
}
_NAMES = (
    "SELECT id, 'user ' || name FROM user",
    "SELECT id, 'project ' || name FROM project",
    "SELECT id, 'stack ' || name FROM stack",
    "SELECT id, 'component ' || type || name FROM stack_component",
    "SELECT id, 'tag ' || name FROM tag",
    "SELECT id, 'pipeline ' || name FROM pipeline",
    "SELECT r.id, 'run ' || p.name || r.'index' FROM pipeline_run r "
    "JOIN pipeline p ON p.id = r.pipeline_id",
    "SELECT r.snapshot_id, 'snapshot ' || p.name || r.'index' FROM pipeline_run r "
    "JOIN pipeline p ON p.id = r.pipeline_id",
    "SELECT s.id, 'step ' || p.name || r.'index' || s.name || s.version "
    "FROM step_run s JOIN pipeline_run r ON r.id = s.pipeline_run_id "
    "JOIN pipeline p ON p.id = r.pipeline_id",
    "SELECT w.id, 'wait ' || p.name || r.'index' || w.name FROM run_wait_condition w "
    "JOIN pipeline_run r ON r.id = w.run_id JOIN pipeline p ON p.id = r.pipeline_id",
    "SELECT id, 'artifact ' || name FROM artifact",
    "SELECT id, 'metadata ' || key FROM run_metadata",
)
_VERSIONS = "SELECT id, version, uri FROM artifact_version"
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
        names = {row[0]: row[1] for query in _NAMES for row in db.execute(query)}
        for own_id, version, uri in db.execute(_VERSIONS):
            place = _ID.sub(
                lambda found: _named(names, found), uri.partition("/kitaru/")[2]
            )
            names[own_id] = f"version at {place}"
            names[version.replace("-", "")] = f"artifact at {place}"
        return {
            table: sorted(
                _ID.sub(lambda found: _named(names, found), text)
                for text in _rows(db, table, folder)
            )
            for table in TABLES
        }


def _named(names: dict[str, str], found: re.Match[str]) -> str:
    return f"<{names.get(found[0].replace('-', ''), 'unknown')}>"


def _rows(db: sqlite3.Connection, table: str, folder: Path) -> Iterator[str]:
    found = db.execute(f"SELECT * FROM {table}")
    columns = [column[0] for column in found.description]
    for row in found:
        said = {
            column: _plain(value)
            for column, value in zip(columns, row, strict=True)
            if (table, column) not in _OWN and column != "id"
        }
        text = json.dumps(said, sort_keys=True).replace(str(folder), "<folder>")
        yield _MOMENT.sub("<moment>", _PROCESS.sub('"runner": {}', text))


def _plain(value: Any) -> Any:
    """Return documents as data, however they were written."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
