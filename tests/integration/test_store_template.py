"""A store made of the template is the one that ZenML makes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import zenml
from zenml.client import Client

from kitaru._engine.local.store import template
from kitaru._engine.local.store.compared import COMPARED
from kitaru._engine.zenml.engine import ZenMLEngine
from tests.support import made_by_zenml, store_text

pytestmark = pytest.mark.zenml


def made(place: Path, store_id: UUID, *, analytics: bool = False) -> Path:
    template.fill(
        place, version=zenml.__version__, store_id=store_id, analytics=analytics
    )
    return place


@pytest.mark.parametrize("version", COMPARED)
def test_there_is_a_template_for_each_version_that_is_known(version: str) -> None:
    assert template.is_known(version)


def test_a_version_that_is_not_known_makes_its_own_stores() -> None:
    assert not template.is_known("0.98.99")


def test_the_template_is_the_store_that_zenml_makes(tmp_path: Path) -> None:
    theirs = made_by_zenml.store_in(tmp_path)

    expected = template.place(zenml.__version__).read_text(encoding="utf-8")
    assert store_text.described(theirs) == expected


def test_a_store_of_the_template_is_whole_and_its_own(tmp_path: Path) -> None:
    store_id = uuid4()

    one = made(tmp_path / "one.db", store_id)
    other = made(tmp_path / "other.db", uuid4(), analytics=True)

    expected = template.place(zenml.__version__).read_text(encoding="utf-8")
    assert store_text.described(one) == expected
    assert one.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(one)) as db, closing(sqlite3.connect(other)) as db2:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        query = "SELECT id, enable_analytics FROM server_settings"
        assert db.execute(query).fetchall() == [(store_id.hex, 0)]
        assert db2.execute(query).fetchone()[1] == 1
        ids = [
            {
                row[0]
                for row in each.execute(
                    "SELECT id FROM flavor UNION SELECT id FROM user"
                )
            }
            for each in (db, db2)
        ]
    assert ids[0].isdisjoint(ids[1])


def test_its_user_has_the_empty_password(engine: ZenMLEngine) -> None:
    user = Client().zen_store.get_auth_user("default")

    assert user.verify_password("", user)
    assert not user.verify_password("x", user)
