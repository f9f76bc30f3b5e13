"""What ZenML's store says of executions, read from its file.

The answers are those of ZenML's own client. A row that the client would make more of
than is known here ends in `OnlyZenMLKnows`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Container, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from kitaru._core.flows import run_statuses
from kitaru._core.flows.facts import ExecutionFacts
from kitaru._core.settings.labels import stored_forms
from kitaru._core.versions.records import Version
from kitaru._engine.local.store import deployments
from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.port.engine import ExecutionQuery
from kitaru.models import ExecutionStatus

TAG, EXTRA_KEY = "kitaru", "kitaru"
# Of an artifact store: what is in it belongs to executions.
FOLDER = "kitaru"
_KNOWN_IDS = 200
_PATIENCE = 5.0
_PENDING, _RETRIED = "pending", "retried"

_OURS = """EXISTS (
  SELECT 1 FROM tag_resource x JOIN tag t ON t.id = x.tag_id
  WHERE x.resource_id = r.id AND x.resource_type = 'pipeline_run' AND t.name = ?)"""
_JOIN_SNAPSHOT = "LEFT JOIN pipeline_snapshot s ON s.id = r.snapshot_id"
_NOTED = """EXISTS (
  SELECT 1 FROM run_metadata m
  JOIN run_metadata_resource x ON x.run_metadata_id = m.id
  WHERE x.resource_id = r.id AND x.resource_type = 'pipeline_run'
  AND m.key = ? AND m.value IN"""
# A call of that id, or one that is numbered behind it.
_FAILED_IN = """EXISTS (
  SELECT 1 FROM step_run f WHERE f.pipeline_run_id = r.id AND f.status = 'failed'
  AND (f.name = ? OR (substr(f.name, 1, length(?)) = ?
    AND substr(f.name, length(?) + 1) NOT GLOB '*[^0-9]*')))"""
_FROM_RUNS = f"""
FROM pipeline_run r {_JOIN_SNAPSHOT}
LEFT JOIN pipeline p ON p.id = s.pipeline_id LEFT JOIN stack k ON k.id = s.stack_id
"""
_RUNS = f"""
SELECT r.id, p.id, p.name, r.status, r.status_reason, r.start_time, r.end_time,
  k.name, r.original_run_id {_FROM_RUNS}"""
_SNAPSHOT = """
SELECT s.pipeline_configuration FROM pipeline_run r
JOIN pipeline_snapshot s ON s.id = r.snapshot_id WHERE r.id = ?"""
_CONDITIONS = """
SELECT c.id, c.run_id, c.name, c.question, c.data_schema_json, c.status, c.resolution,
  c.result_json, c.created, c.resolved_at, u.name
FROM run_wait_condition c LEFT JOIN user u ON u.id = c.resolved_by_user_id"""
_METADATA = """
SELECT m.key, m.value FROM run_metadata m
JOIN run_metadata_resource x ON x.run_metadata_id = m.id
WHERE x.resource_id = ? AND x.resource_type = ? ORDER BY m.created"""
_STEPS = """
SELECT s.name, s.status, s.start_time, c.config
FROM step_run s LEFT JOIN step_configuration c ON c.step_run_id = s.id
WHERE s.pipeline_run_id = ? AND s.project_id = ? AND s.status <> ?
ORDER BY s.created, s.id"""


@dataclass(frozen=True, slots=True)
class Run:
    """A run, with ZenML's word for its status."""

    execution_id: str
    flow_id: str | None
    flow: str | None
    word: str
    reason: str | None
    started: datetime | None
    ended: datetime | None
    stack: str | None
    original: str | None

    @property
    def status(self) -> ExecutionStatus:
        """What the status means."""
        return run_statuses.meaning(self.word)


@dataclass(frozen=True, slots=True)
class Condition:
    """A wait: the question, and what ZenML knows of its answer.

    `result` is JSON text; `resolved_by` the name of a ZenML user.
    """

    wait_id: str
    execution_id: str
    name: str
    question: str | None
    schema: str | None
    is_pending: bool
    is_aborted: bool
    result: str | None
    created: datetime
    resolved: datetime | None
    resolved_by: str | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """The latest step run of a call, with ZenML's word for its status."""

    invocation_id: str
    name: str
    word: str
    started: datetime | None


class StoreFile:
    """One look at a store: what is read through it is of one moment."""

    def __init__(self, db: sqlite3.Connection, project_id: str) -> None:
        self._db = db
        self._project = UUID(project_id).hex

    # -- runs ------------------------------------------------------------------

    def page(self, query: ExecutionQuery) -> tuple[list[Run], int]:
        """Return a page of executions, newest first, and how many there are."""
        where, values = [_OURS, "r.project_id = ?"], [TAG, self._project]
        if query.flow is not None:
            where.append("r.pipeline_id IN (SELECT id FROM pipeline WHERE name = ?)")
            values.append(query.flow)
        if query.deployment_id is not None:
            where.append("s.source_snapshot_id = ?")
            values.append(UUID(query.deployment_id).hex)
        if query.status is not None:
            chosen, words = _words(query.status)
            where.append(f"r.status {chosen} ({', '.join('?' * len(words))})")
            values += words
        for condition, wanted in _labelled(query):
            where.append(condition)
            values += wanted
        condition = " AND ".join(where)
        ((total,),) = self._db.execute(
            f"SELECT count(*) FROM pipeline_run r {_JOIN_SNAPSHOT} WHERE {condition}",
            values,
        )
        rows = self._db.execute(
            f"{_RUNS} WHERE {condition} ORDER BY r.created DESC, r.id DESC "
            "LIMIT ? OFFSET ?",
            (*values, query.size, (query.page - 1) * query.size),
        )
        return [_run(row) for row in rows], total

    def named(self, name: str) -> Run | None:
        """Return the execution whose run has that name."""
        rows = self._db.execute(
            f"{_RUNS} WHERE r.name = ? AND r.project_id = ?", (name, self._project)
        ).fetchall()
        return _run(rows[0]) if rows else None

    def run(self, execution_id: str) -> Run:
        """Return the run of an execution."""
        rows = self._db.execute(
            f"{_RUNS} WHERE r.id = ?", (UUID(execution_id).hex,)
        ).fetchall()
        if not rows:
            raise OnlyZenMLKnows(f"there is no run {execution_id}")
        return _run(rows[0])

    def is_ours(self, execution_id: str) -> bool:
        """Whether a run of the project has that id."""
        rows = self._db.execute(
            "SELECT 1 FROM pipeline_run WHERE id = ? AND project_id = ?",
            (UUID(execution_id).hex, self._project),
        )
        return rows.fetchone() is not None

    def has_ended(self, execution_id: str) -> bool:
        """Whether an execution has ended."""
        return self.run(execution_id).status.is_finished

    def facts(self, execution_id: str) -> ExecutionFacts | None:
        """Return what an execution was started with; `None` for a run that is none."""
        rows = self._db.execute(_SNAPSHOT, (UUID(execution_id).hex,)).fetchall()
        data = json.loads(rows[0][0]).get("extra", {}).get(EXTRA_KEY) if rows else None
        if not isinstance(data, dict) or "source" not in data:
            return None
        return ExecutionFacts.from_dict(data, execution_id=execution_id)

    def ids_like(self, prefix: str) -> list[str]:
        """Return ids of executions that begin so, at most ten; a whole one of any project."""
        try:
            where, values = "r.id = ?", [UUID(prefix).hex]
        except ValueError:
            where = "substr(r.id, 1, ?) = ? AND r.project_id = ?"
            begin = _digits(prefix)
            if begin is None:
                return []
            values = [str(len(begin)), begin, self._project]
        rows = self._db.execute(
            f"SELECT r.id FROM pipeline_run r WHERE {where} AND {_OURS} LIMIT 10",
            (*values, TAG),
        )
        return [_id(row[0]) for row in rows]

    def newest_ids(self) -> list[str]:
        """Return ids of executions, the newest first, to tell which was meant."""
        rows = self._db.execute(
            f"SELECT r.id FROM pipeline_run r WHERE r.project_id = ? AND {_OURS} "
            "ORDER BY r.created DESC LIMIT ?",
            (self._project, TAG, _KNOWN_IDS),
        )
        return [_id(row[0]) for row in rows]

    def is_foreign(self, text: str) -> bool:
        """Whether a whole id is that of a run of somebody else's."""
        try:
            run_id = UUID(text).hex
        except ValueError:
            return False
        rows = self._db.execute("SELECT 1 FROM pipeline_run WHERE id = ?", (run_id,))
        return rows.fetchone() is not None

    def maker_of(self, artifact_id: str) -> str | None:
        """Return the execution in whose folder an artifact lies, if it is Kitaru's."""
        rows = self._db.execute(
            "SELECT uri FROM artifact_version WHERE version = ? LIMIT 1", (artifact_id,)
        ).fetchall()
        _, ours, place = rows[0][0].partition(f"/{FOLDER}/") if rows else ("", "", "")
        try:
            return str(UUID(place.partition("/")[0])) if ours else None
        except ValueError:
            return None

    def metadata(self, execution_id: str) -> dict[str, Any]:
        """Return the metadata of a run."""
        return self._metadata(UUID(execution_id).hex, "pipeline_run")

    def steps(self, execution_id: str, *, but: Container[str]) -> list[Step]:
        """Return the steps of a run, oldest first, without those of some calls."""
        rows = self._db.execute(
            _STEPS, (UUID(execution_id).hex, self._project, _RETRIED)
        )
        return [_step(row) for row in rows if row[0] not in but]

    def versions(self, flow: str | None) -> list[Version]:
        """Return the deployed versions of a flow or of all flows, oldest first."""
        return deployments.versions(self._db, self._project, flow)

    # -- waits -----------------------------------------------------------------

    def conditions(self, execution_id: str) -> list[Condition]:
        """Return all waits of an execution, oldest first."""
        return self._conditions("c.run_id = ?", UUID(execution_id).hex)

    def condition(self, wait_id: str) -> Condition | None:
        """Return one wait, `None` if somebody has deleted it."""
        found = self._conditions("c.id = ?", UUID(wait_id).hex)
        return found[0] if found else None

    def pending(self, execution_id: str | None) -> list[Condition]:
        """Return waits that ZenML takes for open, of one execution or of all."""
        if execution_id is None:
            return self._conditions("c.status = ?", _PENDING)
        return self._conditions(
            "c.status = ? AND c.run_id = ?", _PENDING, UUID(execution_id).hex
        )

    def _conditions(self, where: str, *values: str) -> list[Condition]:
        rows = self._db.execute(
            f"{_CONDITIONS} WHERE c.project_id = ? AND {where} "
            "ORDER BY c.created, c.id",
            (self._project, *values),
        ).fetchall()
        return [
            _condition(row, self._metadata(row[0], "wait_condition")) for row in rows
        ]

    def _metadata(self, resource: str, kind: str) -> dict[str, Any]:
        entries: dict[str, list[Any]] = {}
        for key, value in self._db.execute(_METADATA, (resource, kind)):
            entries.setdefault(key, []).append(json.loads(value))
        return {key: _latest(values) for key, values in entries.items()}


@contextmanager
def opened(database: Path, project_id: str) -> Iterator[StoreFile]:
    """Look at a store; nothing is written."""
    uri = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with closing(
            sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None)
        ) as db:
            db.execute("BEGIN")
            yield StoreFile(db, project_id)
    except sqlite3.Error as error:
        raise OnlyZenMLKnows(f"the store cannot be read: {error}") from error


def _words(status: ExecutionStatus) -> tuple[str, list[str]]:
    if status is ExecutionStatus.RUNNING:
        # All words that are not known.
        return "NOT IN", list(run_statuses.MEANINGS)
    return "IN", [word for word, s in run_statuses.MEANINGS.items() if s is status]


def _labelled(query: ExecutionQuery) -> Iterator[tuple[str, list[str]]]:
    """Yield what else a query asks for, as conditions with their values."""
    for tag in query.tags:
        yield _OURS, [tag]
    for name, text in query.where:
        forms = stored_forms(text)
        yield f"{_NOTED} ({', '.join('?' * len(forms))}))", [name, *forms]
    if query.since is not None:
        yield "r.created >= ?", [f"{query.since.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"]
    if query.failed_in is not None:
        begin = f"{query.failed_in}_"
        yield _FAILED_IN, [query.failed_in, begin, begin, begin]


def _run(row: tuple[Any, ...]) -> Run:
    run_id, flow_id, flow, word, reason, started, ended, stack, original = row
    if flow_id is None:
        raise OnlyZenMLKnows(f"run {run_id} has no snapshot or no pipeline")
    return Run(
        execution_id=_id(run_id),
        flow_id=_id(flow_id),
        flow=flow,
        word=word,
        reason=reason,
        started=_moment(started),
        ended=_moment(ended),
        stack=stack,
        original=_id(original) if original else None,
    )


def _condition(row: tuple[Any, ...], metadata: Mapping[str, Any]) -> Condition:
    created = _moment(row[8])
    assert created is not None  # a column that is never empty
    return Condition(
        wait_id=_id(row[0]),
        execution_id=_id(row[1]),
        name=row[2],
        question=row[3],
        schema=row[4],
        is_pending=row[5] == _PENDING,
        is_aborted=row[6] == "abort",
        result=row[7],
        created=created,
        resolved=_moment(row[9]),
        resolved_by=row[10],
        metadata=metadata,
    )


def _step(row: tuple[Any, ...]) -> Step:
    invocation_id, word, started, config = row
    said = json.loads(config or "{}").get("step_config_overrides", {})
    if not said.get("name"):
        raise OnlyZenMLKnows(f"step {invocation_id} has no configuration of its own")
    return Step(invocation_id, said["name"], word, _moment(started))


def _digits(prefix: str) -> str | None:
    """Return the beginning of an id as the store has it; `None` if none begins so.

    Dashes are where ids have them.
    """
    begin = prefix.replace("-", "")
    if len(begin) > 32 or set(begin) - set("0123456789abcdef"):
        return None
    return begin if _id(begin.ljust(32, "0")).startswith(prefix) else None


def _latest(values: list[Any]) -> Any:
    """Return what stands of entries under one key, oldest first: ZenML merges dicts."""
    if all(isinstance(value, dict) for value in values):
        return {key: item for value in values for key, item in value.items()}
    return values[-1]


def _moment(text: str | None) -> datetime | None:
    """Return a moment; ZenML's are UTC and do not say so."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def _id(hexadecimal: str) -> str:
    return str(UUID(hexadecimal))
