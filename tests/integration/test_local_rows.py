"""Rows that Kitaru writes to a local store itself are those that ZenML would write."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zenml

from kitaru import checkpoint, flow
from kitaru._core.calls import names
from kitaru._core.calls.records import (
    CallRecord,
    StoredArtifact,
    StoredFailure,
    StoredValue,
    as_caught,
)
from kitaru._core.values import codec
from kitaru._engine.port.execution import StartedCall
from kitaru._engine.recording.projector import is_finishing
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._engine.zenml.recording import (
    artifact_versions,
    local_rows,
    step_runs,
    step_writer,
)
from kitaru.models import Usage
from tests.support.polling import eventually
from tests.support.statements import statements_of_this_thread

pytestmark = pytest.mark.zenml

BEGUN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# What ZenML makes anew each time; a tag gets a colour by chance.
BY_CHANCE = ("created", "updated", "latest_heartbeat", "color")


@flow
def nothing() -> None:
    return None


@pytest.fixture
def execution_id(engine: ZenMLEngine) -> str:
    """An execution without calls."""
    return nothing.run().exec_id


class Records:
    """Outcomes of one execution."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        self.values = artifact_versions.values_of(execution_id)
        self.order = 0

    def __call__(self, invocation_id: str, **more: Any) -> CallRecord:
        """Return an outcome, completed unless it is said otherwise."""
        self.order += 1
        begun = BEGUN + timedelta(seconds=self.order)
        given: dict[str, Any] = {
            "name": invocation_id.partition(":")[0],
            "status": "completed",
            "started_at": begun,
            "ended_at": begun + timedelta(milliseconds=5),
            "order": self.order,
        }
        return CallRecord(self.execution_id, invocation_id, **(given | more))

    def value(self, of: object) -> StoredValue:
        return self.values.put(codec.encode(of), owner="any", name="any")

    def saved(self, name: str, of: object, *tags: str) -> StoredArtifact:
        artifact_id = names.artifact_id(self.execution_id, "saving", name)
        return StoredArtifact(artifact_id, name, "context", self.value(of), tags)


def all_kinds(record: Records, source: str) -> list[CallRecord]:
    """Return outcomes of every kind; `source` is an artifact id of an earlier one."""
    failure = StoredFailure("no", "builtins:ValueError", "Traceback …", "user_code")
    failed = record("fails", status="failed", failure=failure, parents=("text", "list"))
    text = record.value("text")
    return [
        record("text", output=text),
        record("list", output=record.value([1]), cache_key="key"),
        record("both", output=record.value({"a": 1}), parents=("list", "text")),
        record("silent", parents=("both",)),
        failed,
        as_caught(failed),
        record("after", output=record.value(None), parents=("fails", "never")),
        record("after:2", output=record.value(1.5), parents=("after",)),
        record(
            "saving",
            output=record.value(True),
            artifacts=(record.saved("page", "p"), record.saved("sums", [2], "a", "b")),
        ),
        record("plain", artifacts=(record.saved("other", {"x": 1}),)),
        record("noted", metadata={"n": 1, "deep": {"a": [1]}, "odd": {1: None}}),
        record("spent", usage=Usage(requests=2), output=record.value("said")),
        record("reused", output=text, reused=True, output_id=source),
        record(
            "reused:2",
            output=text,
            reused=True,
            output_id=str(uuid.uuid5(uuid.NAMESPACE_URL, "gone")),
        ),
    ]


def second_attempt(first: Sequence[CallRecord]) -> list[CallRecord]:
    """Return what a retry makes of it: the failed call again, and one that follows."""
    (failed,) = [r for r in first if r.invocation_id == "fails" and r.caught]
    later = timedelta(minutes=1)
    again = dataclasses.replace(
        failed,
        status="completed",
        failure=None,
        caught=False,
        started_at=failed.started_at + later,
        ended_at=failed.ended_at + later,
    )
    last = dataclasses.replace(
        again, invocation_id="last", name="last", parents=("fails",)
    )
    return [again, last]


class Database:
    """The store's file."""

    def __init__(self, config: Path) -> None:
        self._path = config / "local_stores" / "default_zen_store" / "zenml.db"

    def copy(self, target: sqlite3.Connection) -> None:
        with closing(sqlite3.connect(self._path)) as store:
            store.backup(target)

    def restore(self, source: sqlite3.Connection) -> None:
        with closing(sqlite3.connect(self._path)) as store:
            source.backup(store)

    def contents(self) -> dict[str, list[dict[str, object]]]:
        """Return all rows of all tables, with names instead of ids and no moments."""
        with closing(sqlite3.connect(self._path)) as store:
            store.row_factory = sqlite3.Row
            tables = store.execute("SELECT name FROM sqlite_master WHERE type='table'")
            rows = {
                name: [dict(row) for row in store.execute(f'SELECT * FROM "{name}"')]
                for (name,) in tables.fetchall()
            }
        labels = dict(_labels(rows))
        return {
            table: sorted(
                (
                    {
                        column: "*" if column in BY_CHANCE else labels.get(value, value)
                        for column, value in row.items()
                    }
                    for row in those
                ),
                key=repr,
            )
            for table, those in rows.items()
        }


def _labels(rows: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[object, str]]:
    for row in rows["step_run"]:
        yield row["id"], f"step {row['name']} {row['version']}"
    for row in rows["step_configuration"]:
        yield row["id"], f"configuration {row['name']}"
    for row in rows["artifact"] + rows["tag"]:
        yield row["id"], f"named {row['name']}"
    for row in rows["artifact_version"]:
        yield row["id"], f"version {row['version']}"
    for row in rows["artifact_visualization"]:
        yield row["id"], f"preview {row['uri']}"
    for row in rows["run_metadata"]:
        yield row["id"], f"metadata {row['key']} {row['value']}"
    for row in rows["tag_resource"] + rows["run_metadata_resource"]:
        yield row["id"], "attached"


def test_the_store_holds_the_same_whoever_wrote_it(
    config: Path, execution_id: str
) -> None:
    assert zenml.__version__ in local_rows.COMPARED

    database, record = Database(config), Records(execution_id)
    source = record("source", output=record.value("earlier"))
    first = all_kinds(record, source.artifact_id)
    running = [
        StartedCall("long", "long", BEGUN, parents=("text",)),
        StartedCall("long:2", "long", BEGUN, parents=("text",), cache_key="k"),
    ]
    failure = StoredFailure("no", "builtins:ValueError", "Traceback …", "user_code")
    ended = [
        record("long", output=record.value("long"), metadata={"n": 1}),
        record("long:2", status="failed", failure=failure),
    ]

    def show(rows: local_rows.LocalRows | None) -> None:
        def writer() -> step_writer.StepWriter:
            return step_writer.StepWriter(execution_id, "nothing", record.values, rows)

        once = writer()
        once.write_all([source])
        once.write_all(first)
        for call in running:
            once.write_started(call)
        once.write_all(ended)
        # Another process goes on, and shows again what it cannot know to be shown.
        twice = writer()
        twice.read_existing()
        twice.write_all([*first, *second_attempt(first)])

    with closing(sqlite3.connect(":memory:")) as before:
        database.copy(before)
        with statements_of_this_thread() as ours:
            show(local_rows.of_store())
        mine = database.contents()
        database.restore(before)
        with statements_of_this_thread() as theirs:
            show(None)

    assert mine == database.contents()
    assert len(mine["step_run"]) == 18
    assert len(mine["artifact_version"]) == 14
    assert len(ours) < len(theirs) * 0.7


def test_two_processes_that_show_the_same_calls_show_each_once(
    execution_id: str,
) -> None:
    record = Records(execution_id)
    those = [record(f"call:{n}", output=record.value(n)) for n in range(30)]
    failures: list[BaseException] = []

    def show(portion: int) -> None:
        writer = step_writer.StepWriter(
            execution_id, "nothing", record.values, local_rows.of_store()
        )
        try:
            for begin in range(0, len(those), portion):
                writer.write_all(those[begin : begin + portion])
        except BaseException as error:
            failures.append(error)
            raise

    together(lambda: show(15), lambda: show(4))

    assert not failures
    shown = step_runs.step_runs(execution_id)
    assert sorted(step.name for step in shown) == sorted(r.invocation_id for r in those)
    assert all(len(step.outputs["output"]) == 1 for step in shown)


def together(*acts: Callable[[], None]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_values_of_a_process_that_died_before_the_steps_are_found_again(
    execution_id: str,
) -> None:
    record, rows = Records(execution_id), local_rows.of_store()
    those = [record(f"call:{n}", output=record.value(n)) for n in range(3)]
    # The first of two commits.
    artifact_versions.register(
        [
            artifact_versions.Unregistered(
                one.output,
                artifact_id=one.artifact_id,
                name="nothing::call::output",
                owner=one.invocation_id,
                key="output",
            )
            for one in those
            if one.output
        ],
        values=record.values,
        rows=rows,
    )

    step_writer.StepWriter(execution_id, "nothing", record.values, rows).write_all(
        those
    )

    shown = step_runs.step_runs(execution_id)
    assert [step.outputs["output"][0].load() for step in shown] == [0, 1, 2]


def test_a_zenml_nobody_compared_writes_its_rows_itself(
    engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    @checkpoint
    def text() -> str:
        return "text"

    @flow
    def one() -> str:
        return text()

    monkeypatch.setattr(zenml, "__version__", "0.98.99")
    assert local_rows.of_store() is None

    handle = one.run()

    assert handle.wait() == "text"
    (step,) = step_runs.step_runs(handle.exec_id)
    assert step.outputs["output"][0].load() == "text"


def test_calls_of_a_replay_are_tied_to_those_it_reused(engine: ZenMLEngine) -> None:
    @checkpoint
    def longer(those: list[int]) -> list[int]:
        return [*those, 0]

    @flow
    def chain() -> int:
        those: list[int] = []
        for _ in range(50):
            those = longer(those)
        return len(those)

    source = chain.run()
    source.wait()

    again = chain.replay(source.exec_id, from_="longer_47")
    again.wait()
    eventually(lambda: not is_finishing(again.exec_id), what="all of it shown")

    parents = [step.spec.upstream_steps for step in step_runs.step_runs(again.exec_id)]
    assert sorted(map(len, parents)) == [0] + [1] * 49
