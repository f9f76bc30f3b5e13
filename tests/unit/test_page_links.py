"""A link opens one question, and whoever reads the disk has no link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kitaru
from kitaru import KitaruClient, flow
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from tests.support.page import Page, words


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path))
    with use_engine(MemoryEngine()):
        yield tmp_path


def asking() -> Any:
    @flow
    def ask() -> bool:
        return kitaru.wait(name="sure", schema=bool, question="Sure?", timeout=0)

    return ask


def link_to(exec_id: str) -> str:
    """Make a link as somebody with a session does; return its address."""
    (wait,) = KitaruClient().executions.get(exec_id).pending_waits
    shown = Page().post(f"/executions/{exec_id}/waits/{wait.wait_id}/link").text
    return "/q/" + shown.partition("/q/")[2].partition('"')[0]


def test_whoever_has_a_link_answers_once_and_sees_nothing_else() -> None:
    ask = asking()
    exec_id = ask.run().exec_id
    link = link_to(exec_id)
    stranger = Page(starts=False)

    shown = stranger.text(link)
    open_before = KitaruClient().executions.get(exec_id).status
    first = stranger.post(link, {"v": "0"})
    second = stranger.post(link, {"v": "1"})

    assert "Sure?" in shown
    assert open_before == "waiting"
    assert (first.status_code, second.status_code) == (303, 409)
    assert KitaruClient().executions.get(exec_id).waits[0].answer is True
    assert "answered yes" in stranger.text(link)
    for address in ("/inbox", f"/executions/{exec_id}", "/executions", "/events"):
        assert stranger.get(address).status_code == 403


def test_only_a_hash_of_a_link_is_stored_and_for_the_user_alone(config: Path) -> None:
    ask = asking()
    token = link_to(ask.run().exec_id).removeprefix("/q/")

    (file,) = (config / "kitaru" / "page" / "links").iterdir()

    assert token not in file.name + file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert Page(starts=False).get(f"/q/{file.name}").status_code == 404


@pytest.mark.parametrize("token", ["x", "..", "%2e%2e", "ü", "0" * 5000])
def test_what_is_no_link_opens_nothing(token: str) -> None:
    found = Page(starts=False).get(f"/q/{token}")

    assert found.status_code in (403, 404)
    assert "Sure?" not in words(found)


def test_there_is_no_link_to_an_answered_question() -> None:
    ask = asking()
    exec_id = ask.run().exec_id
    link = link_to(exec_id)
    Page(starts=False).post(link, {"v": "0"})
    wait = KitaruClient().executions.get(exec_id).waits[0]

    found = Page().post(f"/executions/{exec_id}/waits/{wait.wait_id}/link")

    assert found.status_code == 409
