"""The pictures of the documentation say what the product does, in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from kitaru import ExecutionStatus
from kitaru.shipped import pages
from scripts.pictures import drawn
from scripts.pictures.session import Attempt

FOLDER = pages.FOLDER / "pictures"
PICTURES = sorted(FOLDER.glob("*.svg"))
TEXT = "{http://www.w3.org/2000/svg}text"


def words(picture: str) -> list[str]:
    return ["".join(line.itertext()) for line in ET.fromstring(picture).iter(TEXT)]


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_picture_is_small_whole_and_dark_in_the_dark(path: Path) -> None:
    picture = path.read_text(encoding="utf-8")

    assert words(picture)
    assert "prefers-color-scheme: dark" in picture
    assert re.findall(r"(?:href|src|url\()=?\"?https?://", picture) == []
    assert len(picture) < 20_000


def test_the_life_of_an_execution_has_every_status() -> None:
    picture = drawn.life()

    assert set(words(picture)) >= {status.value for status in ExecutionStatus}
    assert picture == (FOLDER / "life.svg").read_text(encoding="utf-8")


def test_a_call_that_an_attempt_did_not_come_to_has_an_empty_cell() -> None:
    attempt = Attempt("retry", "the same execution", {"search": "kept"})

    picture = drawn.again([attempt])

    assert "kept" in words(picture)
    assert picture.count('<rect class="idle"') == 3


def test_a_terminal_has_its_colours_and_no_markup_of_its_text() -> None:
    picture = drawn.terminal("$ kitaru\n\x1b[32mok\x1b[0m <b>&\n", prompt="$ ")

    assert words(picture) == ["$ kitaru", "ok <b>&"]
    assert '<tspan class="green">ok</tspan>' in picture
