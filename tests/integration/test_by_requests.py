"""What is asked of a server directly is what ZenML's client says, or ZenML is asked."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from zenml.enums import ExecutionStatus as RunStatus

import kitaru
from kitaru import checkpoint, flow
from kitaru._core.flows import run_statuses
from kitaru._engine.open import current_engine, use_engine
from kitaru._engine.port.engine import Engine, ExecutionQuery
from kitaru._engine.server import store
from kitaru._engine.server.engine import ServerEngine
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru.errors import (
    KitaruBackendError,
    KitaruRuntimeError,
    KitaruStateError,
    KitaruUsageError,
    KitaruUserCodeError,
)
from kitaru.models import ExecutionStatus, PendingWait
from tests.support.polling import eventually
from tests.support.server import RunningServer

pytestmark = pytest.mark.zenml

# Seconds for a process that imports ZenML, on a machine that has much else to do.
LONG = 300.0


class ZenMLAskedError(Exception):
    """The engine that works through ZenML was opened."""


def refuse() -> Engine:
    raise ZenMLAskedError


@checkpoint
def double(n: int) -> int:
    return 2 * n


@flow
def easy() -> int:
    kitaru.log(topic="weather")
    return double(2)


@flow
def failing() -> None:
    double(1)
    raise ValueError("no such luck")


@flow
def asking() -> bool:
    double(3)
    return bool(
        kitaru.wait(
            name="sure", schema=bool, question="Sure?", timeout=0, metadata={"a": 1}
        )
    )


@pytest.fixture
def server(
    config: Path, zenml_server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> ServerEngine:
    """What operators' commands use, in a process that cannot do with ZenML."""
    monkeypatch.setenv("KITARU_SERVER_URL", zenml_server.url)
    monkeypatch.setenv("KITARU_AUTH_TOKEN", zenml_server.token)
    return ServerEngine(refuse, beside_zenml=True)


@pytest.fixture
def engine(server: ServerEngine) -> ZenMLEngine:
    """The engine through ZenML, which runs the flows."""
    return cast(ZenMLEngine, current_engine())


@contextmanager
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect what is sent to servers without ZenML's client."""
    found: list[str] = []
    send = http.client.HTTPConnection.request

    def noting(
        connection: http.client.HTTPConnection, method: str, url: str, *more: Any
    ) -> None:
        found.append(f"{method} {url.partition('?')[0].removeprefix('/api/v1')}")
        send(connection, method, url, *more)

    with monkeypatch.context() as patched:
        patched.setattr(http.client.HTTPConnection, "request", noting)
        yield found


def failed() -> str:
    """Return the id of an execution that has failed."""
    with pytest.raises(KitaruUserCodeError):
        (handle := failing.run()).get()
    return handle.exec_id


def started() -> dict[str, str]:
    """Return the ids of one execution of each flow, oldest first."""
    return {
        "failing": failed(),
        "asking": asking.run().exec_id,
        "easy": easy.run().exec_id,
    }


def test_reads_agree_with_those_through_zenml(
    server: ServerEngine, engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = started()
    queries = [
        ExecutionQuery(),
        ExecutionQuery(page=2, size=2),
        ExecutionQuery(flow="easy"),
        ExecutionQuery(flow="none such"),
        ExecutionQuery(where=(("topic", '"weather"'),), size=3),
        *(ExecutionQuery(status=status, size=5) for status in ExecutionStatus),
    ]

    for query in queries:
        assert server.find(query) == engine.find(query), query
    for execution_id in ids.values():
        shown = engine.get(execution_id).model_dump()
        assert server.get(execution_id).model_dump() == shown
        assert server.stored_status(execution_id) == engine.stored_status(execution_id)
        assert server.resolve_id(execution_id[:10]) == execution_id
        assert server.resolve_id(execution_id) == execution_id
        assert server.wait_names(execution_id) == engine.wait_names(execution_id)
        assert server.pending_waits(execution_id) == engine.pending_waits(execution_id)
    assert server.pending_waits(None) == engine.pending_waits(None) != []
    assert server.failure(ids["failing"]) == engine.failure(ids["failing"])
    assert [ref.load() for ref in server.artifacts(ids["easy"])] == [4, 4]
    assert server.result(ids["easy"]) == 4
    assert list(server.logs(ids["easy"], follow=True)) == list(
        engine.logs(ids["easy"], follow=False)
    )
    assert server.store_id() == engine.store_id()
    for read in (server.resolve_id, engine.resolve_id):
        with pytest.raises(KitaruUsageError, match="no execution 'ffffff0'"):
            read("ffffff0")
    with requests(monkeypatch) as listed:
        server.find(ExecutionQuery(flow="easy"))
    with requests(monkeypatch) as got:
        server.get(ids["easy"])
    assert listed == ["GET /runs"]
    assert got == [f"GET /runs/{ids['easy']}", "GET /run_wait_conditions"]


def test_what_a_colleague_runs_is_shown_and_left_alone(
    server: ServerEngine, engine: ZenMLEngine, config: Path
) -> None:
    ids = started()
    # Their values are on their disk.
    (folder,) = (config / "local_stores").glob(f"*/kitaru/{ids['easy']}")
    folder.rename(folder.with_suffix(".elsewhere"))
    for execution_id in ids.values():
        # Another machine has another journal.
        engine.journal.forget(execution_id)

    for name in ("failing", "asking", "easy"):
        shown = engine.get(ids[name]).model_dump()
        assert server.get(ids[name]).model_dump() == shown, name
    assert server.get(ids["easy"]).result is None
    with pytest.raises(KitaruRuntimeError, match="on the machine that ran it"):
        engine.result(ids["easy"])
    assert server.find(ExecutionQuery(size=3)) == engine.find(ExecutionQuery(size=3))
    (wait,) = server.pending_waits(ids["asking"])
    # Whose it is, and what may be run of it, is for ZenML's way.
    for act in (
        lambda: server.answer(wait, True, surface="cli"),
        lambda: server.abort(wait, surface="cli"),
        lambda: server.cancel(ids["asking"], grace=1, surface="cli"),
        lambda: server.continue_execution(ids["failing"], seen=ExecutionStatus.FAILED),
        lambda: server.result(ids["easy"]),
    ):
        with pytest.raises(ZenMLAskedError):
            act()
    assert engine.pending_waits(ids["asking"]) == [wait]


def open_wait(server: ServerEngine, execution_id: str) -> PendingWait:
    (wait,) = server.pending_waits(execution_id)
    return wait


def test_answers_stand_as_those_given_through_zenml(
    server: ServerEngine, engine: ZenMLEngine
) -> None:
    by_request, through_zenml = asking.run().exec_id, asking.run().exec_id
    wait = open_wait(server, by_request)

    assert server.answer(wait, True, surface="cli").how in ("process", "queue")
    other = engine.pending_waits(through_zenml)[0]
    engine.answer(other, True, surface="cli")
    with pytest.raises(KitaruStateError, match="answered by somebody else"):
        server.answer(wait, False, surface="cli")

    for execution_id in (by_request, through_zenml):
        eventually(
            lambda one=execution_id: (
                engine.stored_status(one) is ExecutionStatus.COMPLETED
            ),
            what="completed",
            within=LONG,
        )
    assert server.result(by_request) is True
    told = [
        engine.get(execution_id)
        .waits[0]
        .model_dump(
            include={"name", "answer", "outcome", "answered_by", "surface", "metadata"}
        )
        for execution_id in (by_request, through_zenml)
    ]
    assert told[0] == told[1]
    noted = [
        {
            key: value
            for key, value in kitaru_metadata(execution_id).items()
            if key.startswith("kitaru_answer")
        }
        for execution_id in (by_request, through_zenml)
    ]
    assert noted[0] == noted[1] != {}


def kitaru_metadata(execution_id: str) -> dict[str, Any]:
    from zenml.client import Client

    return dict(Client().get_pipeline_run(execution_id).run_metadata)


def test_waits_are_given_up_and_executions_cancelled(
    server: ServerEngine, engine: ZenMLEngine
) -> None:
    aborted, cancelled = asking.run().exec_id, asking.run().exec_id

    server.abort(open_wait(server, aborted), surface="client")
    server.cancel(cancelled, grace=5, surface="cli")

    for execution_id in (aborted, cancelled):
        shown = engine.get(execution_id)
        assert shown.status is ExecutionStatus.CANCELLED
        assert [wait.outcome for wait in shown.waits] == ["aborted"]
        assert server.get(execution_id).model_dump() == shown.model_dump()
    with pytest.raises(KitaruStateError, match="cancelled"):
        server.cancel(cancelled, grace=5, surface="cli")
    with pytest.raises(KitaruStateError, match="cancelled meanwhile"):
        server.continue_execution(cancelled, seen=ExecutionStatus.FAILED)


def test_a_failed_execution_goes_on_once(
    server: ServerEngine, engine: ZenMLEngine
) -> None:
    execution_id = failed()

    going = server.continue_execution(execution_id, seen=ExecutionStatus.FAILED)
    with pytest.raises(KitaruStateError):
        server.continue_execution(execution_id, seen=ExecutionStatus.FAILED)

    assert going.how in ("process", "queue")
    eventually(
        lambda: engine.stored_status(execution_id) is ExecutionStatus.FAILED,
        what="failed again",
        within=LONG,
    )
    assert [call.status for call in engine.get(execution_id).checkpoints] == [
        "completed"
    ]


def test_what_no_process_can_be_started_for_has_failed_again(
    server: ServerEngine, engine: ZenMLEngine, tmp_path: Path
) -> None:
    execution_id = failed()
    # It is there, and the system does not run it.
    python = tmp_path / "python"
    python.touch()
    server.journal.update_execution(execution_id, python=str(python))

    with pytest.raises(KitaruBackendError, match="executions retry"):
        server.continue_execution(execution_id, seen=ExecutionStatus.FAILED)

    found = engine.get(execution_id)
    assert found.status is ExecutionStatus.FAILED
    assert found.failure is not None
    assert "no process could be started" in found.failure.message
    assert server.journal.lease(execution_id) is None


def test_the_words_for_what_runs_are_zenmls() -> None:
    words = [
        status.value
        for status in RunStatus
        if run_statuses.meaning(status.value) is ExecutionStatus.RUNNING
    ]

    assert sorted(words) == sorted(store.RUNNING)


def test_a_server_of_another_version_is_for_zenml(
    server: ServerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kitaru._engine.server import ground

    monkeypatch.setattr(ground, "TRUSTED", frozenset({"0.1.0"}))

    with use_engine(cast(Engine, server)), pytest.raises(ZenMLAskedError):
        server.find(ExecutionQuery())
