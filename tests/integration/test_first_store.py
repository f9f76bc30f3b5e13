"""A set-up that somebody ended in the middle: the next use finds or makes a whole store."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kitaru import KitaruBackendError, KitaruClient, checkpoint, flow
from tests.support.in_process import forget_store

pytestmark = pytest.mark.zenml


@checkpoint
def doubled(number: int) -> int:
    return number * 2


@flow
def doubling(number: int) -> int:
    return doubled(number)


def database(config: Path) -> Path:
    return config / "local_stores" / "default_zen_store" / "zenml.db"


def changed(config: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database(config))) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def missing(config: Path) -> None:
    database(config).unlink()


def empty(config: Path) -> None:
    database(config).write_bytes(b"")


def without_tables(config: Path) -> None:
    database(config).unlink()
    changed(config, "CREATE TABLE one (id)", "DROP TABLE one")


def some_tables(config: Path) -> None:
    changed(config, "DROP TABLE alembic_version", "DROP TABLE pipeline_run")


def unversioned(config: Path) -> None:
    changed(config, "DELETE FROM alembic_version")


def without_rows(config: Path) -> None:
    changed(
        config,
        *(f"DELETE FROM {name}" for name in ("project", "stack", "user")),
        "UPDATE server_settings SET active = 0",
    )


def active_without_user(config: Path) -> None:
    changed(config, 'DELETE FROM "user"')


def a_log_without_its_database(config: Path) -> None:
    file = database(config)
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE of_before (id)")
        db.commit()
        log = file.with_name("zenml.db-wal")
        kept = log.read_bytes()
    log.write_bytes(kept)
    file.unlink()


def configuration_is_empty(config: Path) -> None:
    (config / "config.yaml").write_bytes(b"")


def journal_is_empty(config: Path) -> None:
    journal = config / "kitaru" / "journal.db"
    for file in journal.parent.glob("journal.db*"):
        file.unlink()
    journal.touch()


def draft_of_a_store(config: Path) -> None:
    database(config).unlink()
    draft = database(config).parent / ".setup-of-the-dead"
    draft.mkdir()
    (draft / "store.db").write_bytes(b"half")


STAGES = [
    missing,
    empty,
    without_tables,
    some_tables,
    unversioned,
    without_rows,
    active_without_user,
    a_log_without_its_database,
    configuration_is_empty,
    journal_is_empty,
    draft_of_a_store,
]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_a_flow_runs_after_a_set_up_that_ended_in_the_middle(
    config: Path, stage: Callable[[Path], None]
) -> None:
    stage(config)
    for file in config.rglob("zenml.db*"):
        # Long ago: nobody is at it any more.
        os.utime(file, (1, 1))
    forget_store()

    assert doubling.run(4).get() == 8

    forget_store()
    assert [e.flow_name for e in KitaruClient().executions.list()] == ["doubling"]
    assert list(database(config).parent.glob(".setup-*")) == []


def test_a_store_with_names_of_ones_own_is_made_by_zenml(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing(config)
    monkeypatch.setenv("ZENML_DEFAULT_USER_NAME", "jo")
    forget_store()

    assert doubling.run(4).get() == 8

    with closing(sqlite3.connect(database(config))) as db:
        assert db.execute("SELECT name FROM user").fetchall() == [("jo",)]


def test_a_store_that_was_never_whole_is_kept_aside_and_told_of(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    active_without_user(config)
    before = database(config).read_bytes()
    os.utime(database(config), (1, 1))
    forget_store()

    KitaruClient().executions.list()

    (kept,) = database(config).parent.glob("zenml.db.half-made-*")
    assert kept.read_bytes() == before
    assert f"kept as {kept.name}" in capsys.readouterr().err


def test_a_store_that_holds_executions_is_never_moved(config: Path) -> None:
    doubling.run(1)
    forget_store()
    active_without_user(config)
    os.utime(database(config), (1, 1))

    with pytest.raises(KitaruBackendError, match="default"):
        doubling.run(2)

    assert list(database(config).parent.glob("*half-made*")) == []
    with closing(sqlite3.connect(database(config))) as db:
        assert db.execute("SELECT count(*) FROM pipeline_run").fetchone() == (1,)
