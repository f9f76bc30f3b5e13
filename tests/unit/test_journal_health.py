"""A database that cannot be read is not taken for a damaged one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kitaru._engine.journal import health as journal_health


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("CREATE TABLE calls (id)")
    return path


def test_a_whole_database_has_no_problem(database: Path) -> None:
    health = journal_health.check(database)

    assert (health.exists, health.problem, health.is_damaged) == (True, None, False)


def test_what_is_no_database_is_damaged(database: Path) -> None:
    database.write_bytes(os.urandom(4096))

    health = journal_health.check(database)

    assert health.problem == "file is not a database"
    assert health.is_damaged


def test_a_database_that_cannot_be_opened_has_a_problem_and_no_damage(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "journal.db"
    folder.mkdir()

    health = journal_health.check(folder)

    assert health.problem is not None
    assert not health.is_damaged
