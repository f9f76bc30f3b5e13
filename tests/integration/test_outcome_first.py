"""How an execution ended is stored before it is told, and no failure to tell undoes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from zenml.client import Client

from kitaru import KitaruClient, checkpoint, flow
from kitaru._engine.zenml.runs.runs import find_run
from tests.support.in_process import forget_store

pytestmark = pytest.mark.zenml


@checkpoint
def doubled(number: int) -> int:
    return number * 2


@flow
def doubling(number: int) -> int:
    return doubled(number)


@contextmanager
def full(database: Path, when: str) -> Iterator[None]:
    """Let a database have no room for one kind of change."""
    with closing(sqlite3.connect(database)) as db:
        db.execute(
            f"CREATE TRIGGER no_room BEFORE {when} "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    try:
        yield
    finally:
        with closing(sqlite3.connect(database)) as db:
            db.execute("DROP TRIGGER no_room")


def no_status(config: Path) -> tuple[Path, str]:
    return store(config), "UPDATE ON pipeline_run WHEN NEW.status = 'completed'"


def no_result(config: Path) -> tuple[Path, str]:
    return store(config), "INSERT ON artifact_version WHEN NEW.uri LIKE '%result%'"


def no_release(config: Path) -> tuple[Path, str]:
    return config / "kitaru" / "journal.db", "DELETE ON leases"


def store(config: Path) -> Path:
    return config / "local_stores" / "default_zen_store" / "zenml.db"


@pytest.mark.parametrize(
    "what", [no_status, no_result, no_release], ids=lambda what: what.__name__
)
def test_a_completed_flow_is_completed_whatever_there_is_no_room_for(
    config: Path, what: Callable[[Path], tuple[Path, str]]
) -> None:
    doubling.run(1)
    with full(*what(config)):
        handle = doubling.run(4)

        assert handle.get() == 8
        assert handle.status.value == "completed"
        client = KitaruClient()
        assert client.executions.get(handle.exec_id).status.value == "completed"
        listed = [e.status.value for e in client.executions.list()]
        assert listed == ["completed", "completed"]

    # As the next process: nothing in memory, and there is room.
    forget_store()
    assert [e.status.value for e in KitaruClient().executions.list()] == listed
    assert find_run(handle.exec_id).status.value == "completed"
    steps = Client().get_pipeline_run(handle.exec_id).steps
    assert [step.status.value for step in steps.values()] == ["completed"]
    forget_store()
    values = [ref.load() for ref in KitaruClient().artifacts.list(handle.exec_id)]
    assert 8 in values
