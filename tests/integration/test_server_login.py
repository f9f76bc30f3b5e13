"""ZenML's file of credentials is read as ZenML reads it, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from zenml.login.credentials import ServerCredentials

from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.server import login

pytestmark = pytest.mark.zenml

URL = "https://zenml.example.com:8080"
OTHER = {
    "http://127.0.0.1:8237": {"url": "http://127.0.0.1:8237", "api_key": "ZENKEY_o"}
}
TOKEN = {"access_token": "eyJhbGciOi.eyJzdWIiOi-_.f0oSFod"}
SHAPES = {
    "token": {"api_token": TOKEN},
    "key": {"api_key": "ZENKEY_eyJpZCI6ImI5OGMzMTEyLTQyMjQiLCJrZXkiOiJ9=="},
    "both": {"api_key": "ZENKEY_abc=", "api_token": TOKEN},
    "expiry": {"api_token": TOKEN | {"expires_at": "2199-11-29T19:10:32.046681Z"}},
    "leeway": {
        "api_token": TOKEN
        | {"expires_in": 3600, "expires_at": "2199-01-01T00:00:00Z", "leeway": 180}
    },
    "cookie": {"api_token": TOKEN | {"cookie_name": "zenml-server"}},
    "facts": {
        "api_token": TOKEN,
        "server_name": "the team's: server",
        "deployment_type": "other",
        "server_id": "8c423452-7e1f-4176-8c2f-5f416f5a83be",
        "status": "available",
        "version": "0.98.0",
    },
    "letters": {"server_name": "Zürich ❤", "api_key": "ZENKEY_a"},
    "long": {"api_token": {"access_token": "e" * 4000}},
    "number": {"api_key": "ZENKEY_1", "server_name": "0123"},
}


def dumped(*servers: dict[str, object]) -> str:
    """Return the file as ZenML writes it."""
    merged = {url: said for server in servers for url, said in server.items()}
    return yaml.dump(merged, default_flow_style=False)


@pytest.mark.parametrize("name", SHAPES)
def test_what_zenml_wrote_is_read_as_zenml_reads_it(name: str) -> None:
    text = dumped(OTHER, {URL: {"url": URL, **SHAPES[name]}})

    found = login.credentials(text, URL)

    said = ServerCredentials(**yaml.safe_load(text)[URL])
    assert found.get("api_key") == said.api_key
    token = said.api_token
    assert found.get("api_token.access_token") == (token and token.access_token)
    ends = found.get("api_token.expires_at")
    assert (ends is None) == (token is None or token.expires_at is None)


WHOLE = dumped({URL: {"url": URL, "api_key": "ZENKEY_a", "api_token": TOKEN}})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(dumped(OTHER), id="another server"),
        pytest.param(WHOLE[:-20], id="half a token"),
        pytest.param(WHOLE.replace("\n", "\n\t"), id="tabs"),
        pytest.param(WHOLE + WHOLE, id="twice"),
        pytest.param(WHOLE.replace("  url", "  api_key: b\n  url"), id="two keys"),
        pytest.param(f"{{'{URL}': {{'api_key': 'ZENKEY_a'}}}}\n", id="in braces"),
        pytest.param(f"{URL}: &here\n  api_key: a\n", id="anchor"),
        pytest.param(f"{URL}:\n  api_key: |\n    ZENKEY_a\n", id="block"),
        pytest.param(f"{URL}:\n  api_key:\n  - a\n", id="list"),
        pytest.param(f"{URL}:\n  api_key: !!binary aGk=\n", id="tag"),
        pytest.param(f"{URL}:\n api_key: a\n", id="one space"),
        pytest.param(WHOLE.replace(f"url: {URL}", "url: http://b"), id="other url"),
    ],
)
def test_anything_else_is_a_doubt_that_quotes_no_secret(text: str) -> None:
    with pytest.raises(OnlyZenMLKnows) as caught:
        login.credentials(text, URL)

    assert "ZENKEY" not in str(caught.value)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that is logged in to a server."""
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path))
    for name in (login.SERVER_URL, login.AUTH_TOKEN):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config.yaml").write_text(
        "active_project_id: ecb3d70b-ce45-4b02-9fa5-07a8dc1b5b09\n"
        f"store:\n  type: rest\n  url: {URL}\n  verify_ssl: true\nversion: 0.98.0\n"
    )
    (tmp_path / "credentials.yaml").write_text(WHOLE)
    return tmp_path


def test_the_stored_login_is_found(stored: Path) -> None:
    found = login.read()

    assert login.names_server()
    assert (found.url, found.verify, found.by_environment) == (URL, True, False)
    assert (found.key, found.token) == ("ZENKEY_a", TOKEN["access_token"])
    assert found.project_id == "ecb3d70b-ce45-4b02-9fa5-07a8dc1b5b09"
    assert "ZENKEY" not in repr(found)


def test_the_environment_counts_more(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(login.SERVER_URL, "http://127.0.0.1:9/")
    monkeypatch.setenv(login.AUTH_TOKEN, "some.token")

    found = login.read()

    assert (found.url, found.token, found.key) == (
        "http://127.0.0.1:9",
        "some.token",
        None,
    )
    assert found.project_id is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZENML_STORE_URL", "http://127.0.0.1:9"),
        ("ZENML_STORE_API_KEY", "ZENKEY_x"),
        ("ZENML_DISABLE_CREDENTIALS_DISK_CACHING", "1"),
        (login.SERVER_URL, "http://user:secret@host"),
        (login.AUTH_TOKEN, "ZENPROKEY_x"),
    ],
)
def test_what_zenml_has_to_sort_out_is_a_doubt(
    stored: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(OnlyZenMLKnows) as caught:
        login.read()

    assert "secret" not in str(caught.value)


def test_an_expired_token_without_a_key_is_a_doubt(stored: Path) -> None:
    over = TOKEN | {"expires_at": "2020-01-01T00:00:00Z"}
    (stored / "credentials.yaml").write_text(
        dumped({URL: {"url": URL, "api_token": over}})
    )

    with pytest.raises(OnlyZenMLKnows, match="how to get in"):
        login.read()
