"""A server that refuses or is not known is told of clearly, or is for ZenML's way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from kitaru._engine.port.engine import Engine, ExecutionQuery
from kitaru._engine.runners import schedules
from kitaru._engine.server.engine import ServerEngine
from kitaru.errors import KitaruBackendError, KitaruFeatureNotAvailableError
from kitaru.models import PendingWait
from tests.support.scripted import Said, Scripted, answering

ID = "8c423452-7e1f-4176-8c2f-5f416f5a83be"
INFO = {"id": ID, "version": "0.98.0", "auth_scheme": "OAUTH2_PASSWORD_BEARER"}
USER = {"id": ID, "name": "ada", "body": {"default_project_id": None}}
PROJECTS = {"items": [{"id": ID, "name": "default"}], "total": 1}
NOTHING = {"items": [], "total": 0, "total_pages": 1}
KNOWN = (Said(INFO), Said(USER), Said(PROJECTS))
LOOK = ("GET /api/v1/info", "GET /api/v1/current-user", "GET /api/v1/projects")


class ZenMLAskedError(Exception):
    """The engine that works through ZenML was opened."""


def refuse() -> Engine:
    raise ZenMLAskedError


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path / "config"))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("KITARU_AUTH_TOKEN", "some.token")
    return tmp_path / "config"


@contextmanager
def working_with(
    monkeypatch: pytest.MonkeyPatch, *answers: Said
) -> Iterator[tuple[ServerEngine, Scripted]]:
    """Work with a server that gives these answers."""
    with answering(answers) as server:
        monkeypatch.setenv("KITARU_SERVER_URL", server.url)
        engine = ServerEngine(refuse, beside_zenml=True)
        yield engine, server
        engine.journal.close()


def paths(server: Scripted) -> list[str]:
    return [line.partition("?")[0] for line in server.lines]


def kept(config: Path) -> list[Path]:
    return list((config / "kitaru" / "server" / "grounds").glob("*"))


def test_a_page_is_one_request_once_the_server_is_known(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working_with(monkeypatch, *KNOWN, Said(NOTHING)) as (engine, server):
        for _ in range(3):
            assert engine.find(ExecutionQuery()).total == 0

    assert paths(server) == [*LOOK, *["GET /api/v1/runs"] * 3]
    (file,) = kept(config)
    assert "some.token" not in file.read_text() + file.name


def test_another_identity_is_asked_about_anew(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = (*KNOWN, Said(NOTHING), *KNOWN, Said(NOTHING))
    with working_with(monkeypatch, *answers) as (engine, server):
        engine.find(ExecutionQuery())
        monkeypatch.setenv("KITARU_AUTH_TOKEN", "other.token")
        engine.find(ExecutionQuery())

    assert paths(server) == [*LOOK, "GET /api/v1/runs"] * 2


def test_a_role_that_may_not_look_is_told_so(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detail = ["IllegalOperationError", "Insufficient permissions to READ runs."]
    forbidden = Said({"detail": detail}, status=403)

    with (
        working_with(monkeypatch, *KNOWN, forbidden) as (engine, _),
        pytest.raises(KitaruBackendError, match=r"ada do that: Insufficient .* role"),
    ):
        engine.find(ExecutionQuery())

    assert kept(config) == []


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param((Said(INFO | {"version": "0.99.0"}),), id="version"),
        pytest.param((Said(INFO | {"auth_scheme": "NO_AUTH"}),), id="no login"),
        pytest.param((Said({"hello": "world"}),), id="no zenml"),
        pytest.param((Said(b"<html>"),), id="a page"),
        pytest.param(
            (Said(INFO), Said(USER), Said(PROJECTS | {"total": 2})), id="projects"
        ),
        pytest.param((*KNOWN, Said({"detail": ["KeyError"]}, status=404)), id="gone"),
        pytest.param((*KNOWN, Said({"items": [{}], "total": 1})), id="other form"),
        pytest.param((*KNOWN, Said(None)), id="nothing"),
    ],
)
def test_what_is_not_known_is_for_zenml(
    config: Path, monkeypatch: pytest.MonkeyPatch, answers: Sequence[Said]
) -> None:
    with (
        working_with(monkeypatch, *answers) as (engine, _),
        pytest.raises(ZenMLAskedError),
    ):
        engine.find(ExecutionQuery())


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(Said(status=401), "log in again", id="refused"),
        pytest.param(Said(status=500), "look into its log", id="broken"),
    ],
)
def test_a_server_that_refuses_or_fails_is_not_asked_through_zenml(
    config: Path, monkeypatch: pytest.MonkeyPatch, answer: Said, says: str
) -> None:
    with (
        working_with(monkeypatch, *KNOWN, answer) as (engine, _),
        pytest.raises(KitaruBackendError, match=says) as caught,
    ):
        engine.find(ExecutionQuery())

    assert "some.token" not in str(caught.value)


def test_a_file_of_a_ground_that_says_something_else_is_asked_about_anew(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Said] = [*KNOWN, Said(NOTHING), *KNOWN, Said(NOTHING)]
    with working_with(monkeypatch, *answers) as (engine, server):
        engine.find(ExecutionQuery())
        (file,) = kept(config)
        file.write_text('{"server_id": 5, "until": "tomorrow"}')
        engine.find(ExecutionQuery())

    assert paths(server) == [*LOOK, "GET /api/v1/runs"] * 2


def test_an_upgraded_server_is_noticed_before_anything_is_changed(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgraded: Any = INFO | {"version": "0.99.0"}
    wait = PendingWait(wait_id=ID, name="sure", exec_id=ID)

    with working_with(monkeypatch, *KNOWN, Said(upgraded)) as (engine, server):
        with pytest.raises(ZenMLAskedError):
            engine.answer(wait, True, surface="cli")

        assert not [line for line in server.lines if not line.startswith("GET")]


def test_what_is_due_is_not_looked_for_through_zenml_by_each_command(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working_with(monkeypatch, Said(status=500)) as (engine, server):
        # What each command does when it is done.
        assert schedules.fire_quietly(cast(Engine, engine)) == []

        with pytest.raises(KitaruFeatureNotAvailableError, match="cron or CI"):
            _ = engine.schedules

    assert server.lines == []
