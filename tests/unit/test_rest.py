"""Requests to a server that answers, refuses, breaks off, or is not there."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.server import rest as rest_module
from kitaru._engine.server.rest import RefusedError, Rest
from kitaru._engine.server.tokens import ExchangedToken, FixedToken
from kitaru._engine.settings import kept_tokens
from kitaru.errors import KitaruBackendError
from tests.support.scripted import Said, answering

FINE = Said({"fine": True})


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path))
    return tmp_path


def asking(url: str) -> Rest:
    """Return a connection that asks again at once."""
    return Rest(url, pauses=(0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(Said(status=503), id="busy"),
        pytest.param(Said(status=429), id="too many"),
        pytest.param(Said(drops=True), id="no answer"),
        pytest.param(Said({"fine": True}, cut=3), id="half an answer"),
    ],
)
def test_what_only_reads_is_asked_again(trouble: Said) -> None:
    with answering([trouble, trouble, FINE]) as server:
        assert asking(server.url).get("/runs", size=1) == {"fine": True}

    assert server.lines == ["GET /api/v1/runs?size=1"] * 3


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(Said(status=503), r"failed \(HTTP 503\)", id="busy for long"),
        pytest.param(Said(status=500), r"failed \(HTTP 500\)", id="broken"),
        pytest.param(Said(drops=True), "there is no server", id="never answers"),
        pytest.param(Said(status=401), "kitaru login", id="no credentials"),
    ],
)
def test_a_server_that_does_not_get_on_is_one_clear_error(
    answer: Said, says: str
) -> None:
    with answering([answer]) as server, pytest.raises(KitaruBackendError, match=says):
        asking(server.url).get("/runs")


def test_a_server_that_is_not_there_is_an_error_that_names_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(KitaruBackendError, match=f"there is no server at {url}"):
            asking(url).get("/runs")


def test_a_server_that_never_answers_is_waited_for_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        with pytest.raises(KitaruBackendError, match=r"did not answer within 0\.05 s"):
            Rest(url, patience=0.05).get("/runs")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Said(b"<html>Sign in</html>"), id="a page"),
        pytest.param(Said(b"\xff\xfe"), id="no text"),
        pytest.param(Said(status=302, location="/login"), id="elsewhere"),
    ],
)
def test_what_is_no_answer_of_zenml_is_a_doubt(answer: Said) -> None:
    with answering([answer]) as server, pytest.raises(OnlyZenMLKnows):
        asking(server.url).get("/runs")


def test_a_refusal_says_which_of_zenmls_errors_it_is() -> None:
    said = Said({"detail": ["IllegalOperationError", "no\nway"]}, status=403)

    with answering([said]) as server, pytest.raises(RefusedError) as caught:
        asking(server.url).get("/runs")

    assert (caught.value.status, caught.value.kind) == (403, "IllegalOperationError")
    assert caught.value.text == "no…"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Said(drops=True), id="no answer"),
        pytest.param(Said({"fine": True}, cut=3), id="half an answer"),
        pytest.param(Said(b"<html>"), id="a page"),
    ],
)
def test_what_changes_something_is_asked_once(answer: Said) -> None:
    with (
        answering([answer]) as server,
        pytest.raises(KitaruBackendError, match="answering: the connection"),
    ):
        asking(server.url).change("PUT", "/runs/1", {"a": 1}, doing="answering")

    assert server.lines == ["PUT /api/v1/runs/1"]


def test_a_refused_token_is_renewed_once_and_what_was_asked_goes_through() -> None:
    kept = "kept.token"
    answers = [
        Said(status=401),
        Said({"access_token": "new.token", "expires_in": None}),
        FINE,
    ]
    with answering(answers) as server:
        kept_tokens.keep(server.url, "ZENKEY_x", kept, expires_in=None)
        rest = asking(server.url)
        rest.tokens = ExchangedToken(rest, "ZENKEY_x")

        rest.change("PUT", "/runs/1", {"a": 1}, doing="answering")

        found = kept_tokens.find(server.url, "ZENKEY_x")
        assert found is not None
        assert found.text == "new.token"
    assert server.lines == [
        "PUT /api/v1/runs/1",
        "POST /api/v1/login",
        "PUT /api/v1/runs/1",
    ]
    assert server.tokens == [kept, None, "new.token"]
    # What is asked again is asked in full.
    assert server.asked[0][3] == server.asked[2][3]


def test_a_key_that_is_refused_is_an_error_that_does_not_hold_it() -> None:
    with answering([Said({"detail": ["CredentialsNotValid"]}, status=401)]) as server:
        rest = asking(server.url)
        rest.tokens = ExchangedToken(rest, "ZENKEY_secret")

        with pytest.raises(KitaruBackendError, match="refused the API key") as caught:
            rest.get("/runs")

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_token_that_is_refused_again_and_again_ends_in_an_error() -> None:
    with answering([Said(status=401)]) as server:
        rest = asking(server.url)
        rest.tokens = FixedToken("given.token")

        with pytest.raises(KitaruBackendError, match="refused your credentials"):
            rest.get("/runs")

    assert server.lines == ["GET /api/v1/runs"]


@pytest.mark.parametrize("name", ["https_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_is_for_zenmls_way(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")

    with pytest.raises(OnlyZenMLKnows, match="proxy"):
        rest_module.refuse_proxies()
