"""Damaged, missing, locked and full storage: our errors, and a way on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from zenml.client import Client

from kitaru import (
    FlowHandle,
    KitaruBackendError,
    KitaruClient,
    KitaruRuntimeError,
    checkpoint,
    flow,
    wait,
)
from kitaru._engine.local.engine import LocalEngine
from kitaru._engine.open import use_engine
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._ops.overview import overview
from kitaru.errors import KitaruError, KitaruExecutionError
from kitaru.models import ExecutionStatus

pytestmark = pytest.mark.zenml

LARGE = "x" * 200_000


class Broken(Exception):
    """What keeps the first attempt from finishing."""


@pytest.fixture
def half_done(engine: ZenMLEngine) -> Iterator[FlowHandle[int]]:
    """A failed execution with a large result, which goes on when retried."""
    attempts: list[int] = []

    @checkpoint
    def large() -> str:
        return LARGE

    @flow
    def measuring() -> int:
        text = large()
        attempts.append(1)
        if len(attempts) == 1:
            raise Broken
        return len(text)

    yield measuring.run()
    # Until here: a flow can only go on as long as somebody holds it.
    del measuring


def file_of(handle: FlowHandle[int]) -> Path:
    uri = Client().get_pipeline_run(handle.exec_id).steps["large"].output.uri
    (file,) = Path(uri).iterdir()
    return file


@contextmanager
def exclusively(database: Path) -> Iterator[None]:
    """Hold the write lock of a database."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def give_up_soon(connection: sqlite3.Connection, *_rest: object) -> None:
    """ZenML waits for a lock much longer than a test should."""
    connection.execute("PRAGMA busy_timeout = 50")


def test_missing_file_names_artifact_and_path(
    half_done: FlowHandle[int], client: KitaruClient
) -> None:
    file = file_of(half_done)
    file.unlink()
    (ref,) = client.artifacts.list(half_done.exec_id)

    with pytest.raises(KitaruRuntimeError, match="artifact 'large' is missing") as info:
        ref.load()

    assert str(file) in str(info.value)
    assert "replay from a checkpoint at or before it" in str(info.value)


def test_damaged_file_names_artifact_and_path(
    half_done: FlowHandle[int], client: KitaruClient
) -> None:
    file = file_of(half_done)
    file.write_text("y" * 200_000)
    (ref,) = client.artifacts.list(half_done.exec_id)

    with pytest.raises(KitaruRuntimeError, match="artifact 'large' is damaged") as info:
        ref.load()

    assert str(file) in str(info.value)


def test_retry_that_needs_a_missing_file_fails_with_its_checkpoint_and_path(
    half_done: FlowHandle[int], client: KitaruClient
) -> None:
    file = file_of(half_done)
    file.unlink()

    client.executions.retry(half_done.exec_id)

    failure = client.executions.get(half_done.exec_id).failure
    assert failure is not None
    assert "checkpoint 'large'" in failure.message
    assert str(file) in failure.message
    with pytest.raises(KitaruExecutionError, match="checkpoint 'large'"):
        half_done.get()


def test_locked_journal_is_a_backend_error_and_nothing_is_lost(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    engine.journal._db.execute("PRAGMA busy_timeout = 50")
    locked = exclusively(engine.journal.path)
    ran: list[int] = []

    @checkpoint
    def step(n: int) -> int:
        ran.append(n)
        return n

    @flow
    def blocked() -> int:
        step(1)
        if len(ran) == 1:
            with locked:
                step(2)
        return step(2)

    with pytest.raises(KitaruExecutionError, match=r"locked.*try again"):
        blocked.run().get()

    execution = client.executions.latest()
    assert execution.status is ExecutionStatus.FAILED
    assert execution.failure is not None
    assert execution.failure.origin == "backend"
    client.executions.retry(execution.exec_id)
    assert client.executions.get(execution.exec_id).status == "completed"
    assert ran == [1, 2, 2]


def test_full_disk_is_a_backend_error_that_says_make_room(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    database = engine.journal._db

    @checkpoint
    def fill(n: int) -> str:
        return f"{n:060000d}"

    @flow
    def filling() -> None:
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count = {pages + 20}")
        for n in range(20):
            fill(n)

    with pytest.raises(KitaruError, match="full; make room"):
        filling.run().get()

    database.execute("PRAGMA max_page_count = 1000000")
    execution = client.executions.latest()
    assert execution.status is ExecutionStatus.FAILED
    done = [c for c in execution.checkpoints if c.status == "completed"]
    assert done
    assert [ref.load() for ref in done[0].artifacts] == [f"{0:060000d}"]


def test_unwritable_artifact_store_names_the_path(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    folder = Path(Client().active_stack.artifact_store.path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kitaru").write_text("in the way")

    @checkpoint
    def large() -> str:
        return LARGE

    @flow
    def storing() -> str:
        return large()

    with pytest.raises(KitaruError, match="cannot be written") as info:
        storing.run().get()

    assert str(folder / "kitaru") in str(info.value)
    failure = client.executions.latest().failure
    assert failure is not None
    assert failure.origin == "backend"


def test_locked_store_is_a_backend_error_that_says_try_again(
    engine: ZenMLEngine,
) -> None:
    database = Path(Client().zen_store.url.removeprefix("sqlite:///"))
    event.listen(Client().zen_store.engine, "checkout", give_up_soon)

    @flow
    def starting() -> None:
        """Never gets that far."""

    with (
        exclusively(database),
        pytest.raises(KitaruBackendError, match=r"locked.*try again"),
    ):
        starting.run()


def test_damaged_journal_says_what_to_do(config: Path) -> None:
    path = config / "kitaru" / "journal.db"
    path.write_bytes(b"no database" * 1000)

    with pytest.raises(KitaruBackendError, match=r"is damaged.*move it away") as info:
        ZenMLEngine()

    assert str(path) in str(info.value)


def test_a_damaged_row_hides_no_other_execution(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    broken: list[bool] = []

    @flow
    def asking() -> bool:
        if broken:
            raise Broken
        return bool(wait(schema=bool, timeout=0))

    unread, unheard, whole = (asking.run().exec_id for _ in range(3))
    broken.append(True)
    failed = asking.run().exec_id
    (question,) = engine.pending_waits(unheard)
    engine.journal.decide(question.wait_id, unheard, {"value": True})
    with closing(sqlite3.connect(engine.journal.path)) as behind:
        for execution_id in (unread, failed):
            behind.execute(
                "UPDATE executions SET body = replace(body, 'asking', 'basking') "
                "WHERE execution_id = ?",
                (execution_id,),
            )
        behind.execute("UPDATE answers SET body = replace(body, 'true', 'tru3')")
        behind.commit()

    for beside in (engine, LocalEngine(lambda: engine, beside_zenml=True)):
        with use_engine(beside):
            listed = {e.exec_id: e.status for e in client.executions.list()}
            open_waits = {wait.exec_id for wait in client.executions.pending_waits()}
            seen = overview()
        assert listed == {
            unread: "waiting",
            unheard: "waiting",
            whole: "waiting",
            failed: "failed",
        }
        assert open_waits == {unread, whole}
        assert seen is not None
        (told,) = seen.failed.items
        assert told.failure is not None
        assert "does not match its checksum" in told.failure.message
    for execution_id in (unread, unheard, failed):
        with pytest.raises(KitaruBackendError, match=f"of execution {execution_id}"):
            client.executions.get(execution_id)
    assert client.executions.get(whole).status == "waiting"
