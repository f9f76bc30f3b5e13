"""Cleaning removes what ended executions left, and nothing that anybody needs."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from zenml import pipeline, step
from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus

from kitaru import (
    KitaruClient,
    checkpoint,
    create_secret,
    create_stack,
    flow,
    get_secret,
    log,
    wait,
)
from kitaru._engine.journal.leases import Holder
from kitaru._engine.zenml.cleaning import local_files
from kitaru._engine.zenml.cleaning import plan as cleaning_plan
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._engine.zenml.runs import runs
from kitaru._ops import cleaning as cleaning_ops
from kitaru._ops import deployments, log_stores
from kitaru.errors import KitaruUsageError
from kitaru.models import CleanScope
from tests.support.polling import DEADLINE, eventually

LARGE = "x" * 200_000
# Which bodies have run.
bodies: list[int] = []


@checkpoint
def large(n: int) -> bytes:
    print("working on", n)
    bodies.append(n)
    return f"{n}{LARGE}".encode()


@checkpoint(cache=True)
def kept_for_later() -> bytes:
    return LARGE.encode()


@flow
def working(n: int, text: str = "") -> int:
    log(number=n)
    return len(large(n))


@flow
def caching() -> int:
    return len(kept_for_later())


@flow
def asking(n: int, ask: bool = True) -> bool:
    large(n)
    return wait(schema=bool, timeout=0) if ask else True


@checkpoint
def size(n: int) -> int:
    return n * len(LARGE)


@flow
def sized(n: int) -> int:
    large(n)
    return size(n)


@flow
def failing() -> None:
    large(1)
    raise ValueError("no")


def files(config: Path, *, of: str = "") -> list[str]:
    return sorted(
        str(path.relative_to(config))
        for path in config.rglob(f"*{of}*")
        if path.suffix not in (".db-wal", ".db-shm")
    )


def rows(config: Path, query: str) -> list[tuple[Any, ...]]:
    (store,) = config.rglob("zenml.db")
    with closing(sqlite3.connect(store)) as db:
        return db.execute(query).fetchall()


def journal_rows(engine: ZenMLEngine) -> dict[str, int]:
    with closing(sqlite3.connect(engine.journal.path)) as db:
        tables = ("executions", "calls", "notes", "leases", "answers")
        return {
            table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in tables
        }


def clean(scope: CleanScope = CleanScope.PROJECT) -> tuple[int, dict[str, str]]:
    """Clean, and return how many went and why others stayed."""
    plan = cleaning_ops.plan_clean(scope)
    done = cleaning_ops.clean(plan)
    kept = {item.exec_id: item.reason for item in (*plan.kept, *done.kept)}
    return done.removed, kept


def listed(client: KitaruClient) -> set[str]:
    return {item.exec_id for item in client.executions.list(limit=100)}


def test_the_newest_stay_with_what_they_use(
    client: KitaruClient, engine: ZenMLEngine
) -> None:
    old = [sized.run(1).exec_id, sized.run(2).exec_id]
    source = sized.run(3).exec_id
    newest = sized.replay(source, from_="size").exec_id

    plan = cleaning_ops.plan_clean(CleanScope.PROJECT, keep=1)
    young = cleaning_ops.plan_clean(CleanScope.PROJECT, older_than="1h")
    done = cleaning_ops.clean(plan)

    assert {item.exec_id: item.reason for item in plan.kept} == {
        newest: "among the newest 1",
        source: "used by an execution that stays",
    }
    assert done.removed == 2
    assert not listed(client) & set(old)
    assert {source, newest} <= listed(client)
    assert young.items == ()


def test_an_ended_execution_goes_with_everything_it_left(
    client: KitaruClient, engine: ZenMLEngine, config: Path
) -> None:
    before = files(config)
    gone = [working.run(1, LARGE).exec_id, failing.run().exec_id]
    stays = asking.run(2).exec_id

    removed, kept = clean()

    assert (removed, list(kept)) == (2, [stays])
    assert listed(client) == {stays}
    assert [name for name in files(config) if any(id_ in name for id_ in gone)] == []
    assert files(config, of="inputs/*/*") == []
    assert rows(config, "SELECT count(*) FROM pipeline_snapshot") == [(1,)]
    assert rows(config, "SELECT count(*) FROM step_run") == [(1,)]
    assert rows(config, "SELECT count(*) FROM artifact_version") == [(1,)]
    assert journal_rows(engine) | {"notes": 0} == {
        "executions": 1,
        "calls": 1,
        "notes": 0,
        "leases": 0,
        "answers": 0,
    }
    assert set(before) <= set(files(config))


def test_a_waiting_execution_can_still_be_answered(client: KitaruClient) -> None:
    handle = asking.run(1)

    removed, kept = clean(CleanScope.ALL)
    client.executions.input(handle.exec_id, value=True)

    assert removed == 0
    assert "cancel it" in kept[handle.exec_id]
    assert handle.wait(timeout=DEADLINE) is True


def test_what_died_unseen_after_its_answer_stays_until_somebody_looks(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    @flow
    def asking_first() -> None:
        wait(schema=bool, timeout=0)
        raise ValueError("no")

    exec_id = asking_first.run().exec_id
    client.executions.input(exec_id, value=True)
    # As a process leaves it that was killed after the answer.
    runs.set_status(exec_id, RunStatus.RESUMING, None)
    engine.journal.hand_over(exec_id, replace(Holder.me(), started="never"))

    removed, kept = clean()

    assert (removed, kept) == (0, {exec_id: cleaning_plan.UNSEEN})
    assert client.executions.get(exec_id).status == "failed"
    assert clean() == (1, {})


def test_the_source_of_a_waiting_replay_stays_and_the_replay_can_end(
    client: KitaruClient,
) -> None:
    first = asking.run(1, ask=False)
    second = asking.replay(first.exec_id, from_="large")
    third = asking.replay(second.exec_id, from_="large", inputs={"ask": True})
    other = working.run(1)

    removed, kept = clean()

    assert removed == 1
    assert other.exec_id not in listed(client)
    assert kept[third.exec_id].startswith("it waits")
    assert kept[second.exec_id] == kept[first.exec_id] == cleaning_plan.USED
    client.executions.input(third.exec_id, value=False)
    assert third.wait(timeout=DEADLINE) is False


def test_a_cached_result_that_another_project_uses_stays(
    client: KitaruClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = caching.run().exec_id
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    reused = caching.run().exec_id
    monkeypatch.chdir(tmp_path / "project")

    removed, kept = clean()

    assert (removed, kept) == (0, {made: cleaning_plan.USED})
    (ref, *_) = client.artifacts.list(reused, name="kept_for_later")
    assert ref.load() == LARGE.encode()


def test_executions_that_use_one_another_go_together(
    client: KitaruClient, config: Path
) -> None:
    ids = [caching.run().exec_id for _ in range(3)]

    removed, kept = clean()

    assert (removed, kept) == (3, {})
    assert [name for name in files(config) if any(id_ in name for id_ in ids)] == []
    assert rows(config, "SELECT count(*) FROM artifact_version") == [(0,)]


def test_project_is_the_folder_of_the_nearest_pyproject(
    client: KitaruClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / "pyproject.toml").write_text("")
    (project / "below").mkdir()
    outside = tmp_path / "project-2"
    outside.mkdir()
    inside = [working.run(1).exec_id]
    monkeypatch.chdir(project / "below")
    inside.append(working.run(2).exec_id)
    monkeypatch.chdir(outside)
    other = working.run(3).exec_id
    monkeypatch.chdir(project / "below")

    plan = cleaning_ops.plan_clean(CleanScope.PROJECT)
    removed, _ = clean()

    assert plan.folder == str(project)
    assert {item.exec_id for item in plan.items} == set(inside)
    assert (removed, listed(client)) == (2, {other})


def test_global_leaves_executions_as_zenml_has_them(
    client: KitaruClient, engine: ZenMLEngine, config: Path
) -> None:
    bodies.clear()
    done, failed = working.run(1, LARGE), failing.run()

    removed, _ = clean(CleanScope.GLOBAL)

    assert removed == 2
    assert journal_rows(engine) == dict.fromkeys(journal_rows(engine), 0)
    assert files(config, of=".jsonl") == []
    assert done.wait() == len(LARGE) + 1
    assert client.executions.get(done.exec_id).metadata == {"number": 1}
    again = working.replay(done.exec_id, from_="large", n=22)
    assert again.wait() == len(LARGE) + 2
    (ref,) = client.artifacts.list(done.exec_id, name="large")
    assert len(ref.load()) == len(LARGE) + 1
    # Twice: what the first one notes must not hide what ZenML has.
    for _ in range(2):
        assert engine.continue_here(failed.exec_id).status == "failed"
    calls = client.executions.get(failed.exec_id).checkpoints
    assert [(call.name, call.status) for call in calls] == [("large", "completed")]
    assert bodies == [1, 1, 22]


def test_all_also_takes_what_the_journal_has_forgotten(
    client: KitaruClient, config: Path
) -> None:
    exec_id = working.run(1).exec_id
    clean(CleanScope.GLOBAL)

    by_project, _ = clean(CleanScope.PROJECT)
    removed, _ = clean(CleanScope.ALL)

    assert (by_project, removed) == (0, 1)
    assert listed(client) == set()
    assert [name for name in files(config) if exec_id in name] == []


def test_what_kitaru_did_not_make_is_left_alone(
    client: KitaruClient, engine: ZenMLEngine, config: Path
) -> None:
    create_secret("service", {"PASSWORD": "hunter2"})
    create_stack("experiments", activate=False)
    own = config / "kitaru" / "logs"
    own.mkdir(parents=True, exist_ok=True)
    (own / "notes.txt").write_text("mine")
    (own / "notes.jsonl").write_text("mine")
    log_stores.choose(str(config / "elsewhere"))
    log_stores.reset()
    shared = config / "elsewhere" / "6f2d1f9e-0d4b-4f0e-9a52-3d8f6f1b2c33.jsonl"
    shared.write_text("of another configuration")
    working.run(1)
    settings = (config / "kitaru" / "settings.json").read_text()

    clean(CleanScope.GLOBAL)
    clean(CleanScope.ALL)

    assert get_secret("service")["PASSWORD"] == "hunter2"
    assert [s.name for s in engine.stacks.all()] == ["default", "experiments"]
    assert (
        (own / "notes.txt").read_text() == (own / "notes.jsonl").read_text() == "mine"
    )
    assert shared.exists()
    assert (config / "kitaru" / "settings.json").read_text() == settings


@step
def doubled(value: int) -> int:
    return 2 * value


@step
def three() -> int:
    return 3


@pipeline(tags=["kitaru"], enable_cache=False)
def tagged_by_hand() -> None:
    doubled(three())


@pipeline(enable_cache=False)
def measuring(version: Any) -> None:
    doubled(version)


def test_a_run_that_somebody_else_tagged_stays(client: KitaruClient) -> None:
    run = tagged_by_hand()
    assert run is not None

    removed, _ = clean(CleanScope.ALL)

    assert removed == 0
    assert Client().get_pipeline_run(run.id).id == run.id


def test_a_value_that_a_zenml_run_uses_stays(client: KitaruClient) -> None:
    exec_id = sized.run(1).exec_id
    (version,) = Client().list_artifact_versions(artifact="sized::size::output").items
    measuring(version)

    first, kept = clean()
    again, _ = clean()

    assert (first, again) == (0, 0)
    assert "other runs use some of its values" in kept[exec_id]
    assert Client().get_artifact_version(version.id).load() == len(LARGE)
    assert listed(client) == set()


def test_logs_without_an_execution_go_with_global_and_all(
    client: KitaruClient, config: Path
) -> None:
    stray = config / "kitaru" / "logs" / "6f2d1f9e-0d4b-4f0e-9a52-3d8f6f1b2c33.jsonl"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_text("{}")
    waiting = asking.run(1).exec_id

    by_project = cleaning_ops.plan_clean(CleanScope.PROJECT).stray_logs
    done = cleaning_ops.clean(cleaning_ops.plan_clean(CleanScope.GLOBAL))

    assert (by_project, done.stray_logs) == (0, 1)
    assert not stray.exists()
    assert (stray.parent / f"{waiting}.jsonl").exists()


def test_files_that_older_versions_left_half_written_go_with_global_and_all(
    config: Path,
) -> None:
    waiting = asking.run(1).exec_id
    (store,) = local_files.artifact_stores()
    beside = store / "kitaru" / waiting / "large" / "output-1a2b3c4d5e6f"
    beside.mkdir(parents=True)
    names = (".data.json.4711.140000000", ".data.file.a.txt.4711", "data.json")
    left, older, value = (beside / name for name in names)
    new = beside / ".data.json.4712.140000000"
    for file in (left, older, value, new):
        file.touch()
    for file in (left, older, value):
        os.utime(file, (0, 0))

    plan = cleaning_ops.plan_clean(CleanScope.GLOBAL)
    done = cleaning_ops.clean(plan)

    assert (plan.half_written, done.half_written) == (2, 2)
    assert sorted(beside.iterdir()) == [new, value]


def test_code_goes_once_no_version_and_no_execution_names_it(
    engine: ZenMLEngine, config: Path, tmp_path: Path
) -> None:
    project = tmp_path / "deployed"
    project.mkdir()
    (project / "once.py").write_text(
        "import kitaru\n\n@kitaru.flow\ndef once() -> int:\n    return 1\n"
    )
    made = deployments.deploy("once.py:once", project=project).deployment
    (store,) = local_files.artifact_stores()
    archive = store / "code_uploads" / f"{made.code}.tar.gz"
    left = config / "kitaru" / "code" / ".new-left"
    left.mkdir(parents=True)
    for path in (archive, left):
        os.utime(path, (0, 0))

    named = cleaning_ops.plan_clean(CleanScope.ALL).unused_code
    deployments.delete(flow="once", version=made.version)
    done = cleaning_ops.clean(cleaning_ops.plan_clean(CleanScope.ALL))

    assert (named, done.unused_code) == (1, 2)
    assert not archive.exists()
    assert not left.exists()


def test_a_project_has_the_executions_of_its_deployed_flows(
    engine: ZenMLEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, other = tmp_path / "deployed", tmp_path / "other"
    for folder in (project, other):
        folder.mkdir()
        (folder / "pyproject.toml").write_text("")
        name = f"of_{folder.name}"
        (folder / f"{name}.py").write_text(
            f"import kitaru\n\n@kitaru.flow\ndef {name}() -> int:\n    return 1\n"
        )
        deployments.deploy(f"{name}.py:{name}", project=folder)
    ids = [
        deployments.invoke(flow=f"of_{name}").exec_id for name in ("deployed", "other")
    ]
    monkeypatch.chdir(project)

    def planned() -> list[str]:
        found = cleaning_ops.plan_clean(CleanScope.PROJECT)
        return [item.exec_id for item in found.items]

    # Once it has ended, and its process lives no more.
    assert eventually(planned, what="something to clean") == ids[:1]


def test_executions_of_another_store_are_not_taken_for_deleted_ones(
    client: KitaruClient, engine: ZenMLEngine, config: Path
) -> None:
    exec_id = working.run(1).exec_id
    Client().delete_pipeline_run(exec_id)
    engine.journal.update_execution(exec_id, store="of somebody else")

    removed, kept = clean(CleanScope.ALL)

    assert removed == 0
    assert "another store" in kept[exec_id]


def test_files_of_a_run_that_was_deleted_in_zenml_go(
    client: KitaruClient, engine: ZenMLEngine, config: Path
) -> None:
    exec_id = working.run(1).exec_id
    Client().delete_pipeline_run(exec_id)

    plan = cleaning_ops.plan_clean(CleanScope.PROJECT)
    removed, _ = clean()

    assert [(item.exec_id, item.status) for item in plan.items] == [
        (exec_id, "removed")
    ]
    assert removed == 1
    assert [name for name in files(config) if exec_id in name] == []
    assert journal_rows(engine)["executions"] == 0


def test_the_plan_counts_what_goes(client: KitaruClient) -> None:
    working.run(1)
    waiting = asking.run(1).exec_id

    plan = cleaning_ops.plan_clean(CleanScope.PROJECT)

    (item,) = plan.items
    assert (item.flow_name, item.status) == ("working", "completed")
    assert len(LARGE) < item.size == plan.size < 2 * len(LARGE)
    assert [kept.exec_id for kept in plan.kept] == [waiting]
    assert json.loads(plan.model_dump_json())["with_runs"] is True


def test_the_journal_gives_its_space_back(
    client: KitaruClient, engine: ZenMLEngine
) -> None:
    @flow
    def noting() -> None:
        for n in range(40):
            small(n)

    noting.run()
    with engine.journal.transaction() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]

    clean()

    with closing(sqlite3.connect(engine.journal.path)) as db:
        assert db.execute("PRAGMA page_count").fetchone()[0] < pages / 5
    assert not Path(f"{engine.journal.path}-wal").stat().st_size


@checkpoint
def small(n: int) -> str:
    return f"{n}" + "y" * 20_000


def test_what_is_started_after_the_plan_stays_and_what_went_is_unknown(
    client: KitaruClient,
) -> None:
    gone = failing.run().exec_id
    plan = cleaning_ops.plan_clean(CleanScope.PROJECT)
    later = working.run(1).exec_id

    done = cleaning_ops.clean(plan)

    assert (done.removed, listed(client)) == (1, {later})
    with pytest.raises(KitaruUsageError, match="no execution"):
        client.executions.get(gone)


def test_a_source_that_is_replayed_after_the_plan_stays(client: KitaruClient) -> None:
    first = asking.run(1, ask=False)
    plan = cleaning_ops.plan_clean(CleanScope.PROJECT)
    asking.replay(first.exec_id, from_="large", inputs={"ask": True})

    done = cleaning_ops.clean(plan)

    assert (done.removed, [item.exec_id for item in done.kept]) == (0, [first.exec_id])
