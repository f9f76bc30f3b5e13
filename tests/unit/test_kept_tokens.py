"""Tokens for API keys are kept as long as they hold, and where that is allowed."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kitaru._engine.settings import kept_tokens

URL, KEY, TOKEN = "https://zenml.example.com", "ZENKEY_secret", "eyJ.token"

ANOTHER_PROCESS = f"""
from kitaru._engine.settings import kept_tokens
found = kept_tokens.find({URL!r}, {KEY!r})
print(found and found.text)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty configuration folder, in which nothing is kept."""
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path))
    for name in kept_tokens.FORBIDDEN_BY:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def seen_by_another_process() -> str:
    done = subprocess.run(
        [sys.executable, "-c", ANOTHER_PROCESS],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_another_process_finds_a_token_in_a_file_of_the_user_alone(
    folder: Path,
) -> None:
    kept_tokens.keep(URL, KEY, TOKEN, expires_in=3600)

    (file,) = files(folder)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert KEY not in file.read_text() + str(file)
    assert seen_by_another_process() == TOKEN


@pytest.mark.parametrize("name", kept_tokens.FORBIDDEN_BY)
def test_nothing_is_written_where_zenml_may_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "true")

    kept_tokens.keep(URL, KEY, TOKEN, expires_in=None)

    assert files(folder) == []
    assert kept_tokens.find(URL, KEY) is None


def test_what_was_written_is_not_read_where_zenml_may_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept_tokens.keep(URL, KEY, TOKEN, expires_in=None)
    monkeypatch.setenv(kept_tokens.FORBIDDEN_BY[0], "1")

    assert kept_tokens.find(URL, KEY) is None


@pytest.mark.parametrize("seconds", [0, -5, 29])
def test_a_token_about_to_expire_is_not_kept(folder: Path, seconds: int) -> None:
    kept_tokens.keep(URL, KEY, TOKEN, expires_in=seconds)

    assert kept_tokens.find(URL, KEY) is None
    assert files(folder) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        '{"token": "half',
        '{"token": "x"}',
        '{"token": "x", "until": 5}',
        '{"token": "x", "until": null}',
        '{"token": "x", "until": 1e300}',
        '{"token": "x", "until": NaN}',
    ],
)
def test_a_file_that_says_nothing_of_use_is_no_token(folder: Path, text: str) -> None:
    kept_tokens.keep(URL, KEY, TOKEN, expires_in=None)
    (file,) = files(folder)
    file.write_text(text)

    assert kept_tokens.find(URL, KEY) is None


def test_a_token_is_for_its_server_and_key_alone() -> None:
    kept_tokens.keep(URL, KEY, TOKEN, expires_in=None)

    assert kept_tokens.find(URL, "ZENKEY_other") is None
    assert kept_tokens.find("https://other.example.com", KEY) is None


def test_a_refused_token_goes_unless_there_is_another_by_now(folder: Path) -> None:
    kept_tokens.keep(URL, KEY, TOKEN, expires_in=None)
    kept_tokens.drop(URL, KEY, "an older one")
    assert kept_tokens.find(URL, KEY) is not None

    kept_tokens.drop(URL, KEY, TOKEN)

    assert kept_tokens.find(URL, KEY) is None
    assert files(folder) == []


def test_a_folder_that_cannot_be_written_is_no_error(folder: Path) -> None:
    (folder / "kitaru").write_text("in the way")

    kept_tokens.keep(URL, KEY, TOKEN, expires_in=None)

    assert kept_tokens.find(URL, KEY) is None


def test_all_tokens_are_forgotten(folder: Path) -> None:
    kept_tokens.forget()
    kept_tokens.keep(URL, KEY, TOKEN, expires_in=None)

    kept_tokens.forget()

    assert files(folder) == []


def test_a_token_shows_in_no_repr(folder: Path) -> None:
    kept_tokens.keep(URL, KEY, TOKEN, expires_in=None)

    assert TOKEN not in repr(kept_tokens.find(URL, KEY))
    (file,) = files(folder)
    assert json.loads(file.read_text())["token"] == TOKEN
