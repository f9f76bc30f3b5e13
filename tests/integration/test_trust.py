"""Pickles of other users are not loaded silently."""

from __future__ import annotations

import sqlite3
import uuid
import warnings
from contextlib import closing
from pathlib import Path

import pytest

from kitaru import KitaruClient, checkpoint, flow
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru.errors import KitaruPickleWarning, KitaruUsageError


class Oddity:
    def __init__(self, n: int) -> None:
        self.n = n


@checkpoint
def make() -> Oddity:
    return Oddity(3)


@flow
def making() -> None:
    make()


@pytest.fixture
def foreign(engine: ZenMLEngine, config: Path) -> str:
    """An execution that another user ran on another machine."""
    with warnings.catch_warnings():
        # Said once per process.
        warnings.simplefilter("ignore", KitaruPickleWarning)
        exec_id = making.run().exec_id
    (store,) = config.rglob("zenml.db")
    with closing(sqlite3.connect(store)) as db, db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(user)")]
        values = dict.fromkeys(columns)
        row = db.execute("SELECT * FROM user LIMIT 1").fetchone()
        values = dict(zip(columns, row, strict=True))
        values |= {"id": uuid.uuid4().hex, "name": "somebody-else"}
        marks = ",".join("?" * len(columns))
        db.execute(f"INSERT INTO user VALUES ({marks})", list(values.values()))
        db.execute("UPDATE pipeline_run SET user_id = ?", (values["id"],))
    with closing(sqlite3.connect(engine.journal.path)) as db, db:
        for table in ("executions", "calls"):
            db.execute(f"DELETE FROM {table}")
    return exec_id


def test_another_users_pickle_asks_for_trust(
    client: KitaruClient, foreign: str
) -> None:
    (ref, *_) = client.artifacts.list(foreign, name="make")

    with pytest.raises(KitaruUsageError, match=r"pickled by somebody-else.*trust=True"):
        ref.load()

    assert ref.load(trust=True).n == 3


def test_a_setting_trusts_all(
    client: KitaruClient, foreign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_TRUST_PICKLES", "true")

    (ref, *_) = client.artifacts.list(foreign, name="make")

    assert ref.load().n == 3
