"""Deployed flows are invoked, tagged and scheduled in the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kitaru import KitaruClient
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru._ops import deployments
from tests.support.page import Page, words

CODE = """
from pydantic import BaseModel
import kitaru

class Wish(BaseModel):
    topic: str
    depth: int = 1

@kitaru.flow
def page_wishes(wish: Wish, loud: bool = False) -> str:
    return f"{wish.topic} {wish.depth} {loud}"
"""
FLOW = "page_wishes"


@pytest.fixture(autouse=True)
def deployed(tmp_path: Path) -> Iterator[None]:
    file = tmp_path / "page_wishes.py"
    file.write_text(CODE)
    with use_engine(MemoryEngine()):
        deployments.deploy(f"{file.name}:{FLOW}", project=tmp_path)
        yield


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def client() -> KitaruClient:
    return KitaruClient()


def test_a_version_is_invoked_with_a_form(page: Page, client: KitaruClient) -> None:
    place = f"/deployments/1/invoke/{FLOW}"
    wrong = {"v.0.0": "tides", "v.0.1": "deep", "v.1": "0"}

    refused = page.post(place, wrong)
    nothing = client.executions.list(flow=FLOW)
    started = page.post(place, wrong | {"v.0.1": "3"})

    assert refused.status_code == 422
    assert "This is not a whole number." in words(refused)
    assert nothing == []
    (found,) = client.executions.list(flow=FLOW)
    assert started.headers["location"] == f"/executions/{found.exec_id}?done=invoked"
    assert client.executions.get(found.exec_id).result == "tides 3 True"


def test_a_tag_is_given_and_taken(page: Page, client: KitaruClient) -> None:
    place = f"/deployments/1/tag/{FLOW}"

    page.post(place, {"add": "staging"})
    given = client.deployments.get(flow=FLOW).tags
    page.post(place, {"remove": "staging"})
    refused = page.post(place, {"remove": "default"})

    assert given == ("default", "staging")
    assert client.deployments.get(flow=FLOW).tags == ("default",)
    assert refused.status_code == 400


def test_a_deleted_version_is_gone(page: Page) -> None:
    assert FLOW in page.text("/deployments")

    page.post(f"/deployments/1/delete/{FLOW}")

    assert "No flow is deployed." in page.text("/deployments")
    assert page.get(f"/deployments/1/{FLOW}").status_code == 404


def test_a_schedule_is_paused_resumed_started_and_deleted(
    page: Page, client: KitaruClient
) -> None:
    here = "/deployments/schedules"
    wish = {"wish": {"topic": "tides"}}
    client.schedules.create(flow=FLOW, every="0 7 * * *", inputs=wish)

    def do(what: str) -> int:
        return page.post(here, {"name": FLOW, "do": what}).status_code

    assert "0 7 * * *" in page.text(here)
    assert do("pause") == 303
    assert "paused" in page.text(here)
    assert do("resume") == 303
    assert do("run") == 303
    assert client.executions.latest(flow=FLOW).result == "tides 1 False"
    assert do("anything") == 400
    assert do("delete") == 303
    assert "Nothing starts by itself." in page.text(here)
