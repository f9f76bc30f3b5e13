"""`docs/house.md` names what is there: no room is missing, no path is stale."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "kitaru"
PAGE = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
ROOMS = sorted(
    folder.relative_to(SOURCE)
    for top in ("_core", "_engine", "_ops", "adapters", "models", "client")
    for folder in [SOURCE / top, *(SOURCE / top).rglob("*")]
    # Another version may have left an empty folder with its byte code.
    if folder.is_dir() and any(folder.glob("*.py"))
)
PATHS = sorted(set(re.findall(r"`(_?[a-z]\w*(?:/\w+)+(?:\.py)?)`", PAGE)))


@pytest.mark.parametrize("path", PATHS)
def test_a_path_of_the_page_exists(path: str) -> None:
    assert (SOURCE / path).exists()


def test_a_test_that_holds_a_promise_exists() -> None:
    page = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)`", page)

    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_a_room_is_on_the_page(room: Path) -> None:
    assert re.search(rf"(?<!\w){room.name}(?!\w)", PAGE)


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_a_room_says_in_a_sentence_what_it_is_for(room: Path) -> None:
    tree = ast.parse((SOURCE / room / "__init__.py").read_text(encoding="utf-8"))

    assert ast.get_docstring(tree)


@pytest.mark.parametrize(
    "room", [room for room in ROOMS if room.parts[0] in ("_core", "_engine")], ids=str
)
def test_a_room_has_at_most_twelve_modules(room: Path) -> None:
    modules = [p for p in (SOURCE / room).glob("*.py") if p.name != "__init__.py"]

    assert len(modules) <= 12
