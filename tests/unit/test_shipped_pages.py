"""The pages that come with the package: all named once, all readable, references real."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import kitaru
from kitaru import errors
from kitaru.shipped import pages, signatures

API = pages.FOLDER / "api.md"
NAMES = re.findall(r"^::: (\S+)$", API.read_text(encoding="utf-8"), re.MULTILINE)
CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__
]
ATTRIBUTE = re.compile(r"^    (\w+): ", re.MULTILINE)


def test_every_page_stands_in_one_part_of_the_contents() -> None:
    listed = [entry.path for part in pages.contents() for entry in part.entries]

    assert sorted([*listed, pages.INDEX]) == sorted(pages.paths())


def test_every_page_has_a_title_of_its_own() -> None:
    titles = [pages.read(path).title for path in pages.paths()]

    assert len(set(titles)) == len(titles)


def test_both_indexes_for_assistants_hold_every_page() -> None:
    short, whole = pages.llms_txt("1.2.3"), pages.llms_full_txt("1.2.3")

    assert "1.2.3" in short
    for path in pages.paths():
        assert path == pages.INDEX or f"]({path})" in short
        assert f"<!-- {path} -->" in whole


@pytest.mark.parametrize("path", ["no.md", "../README.md", "/etc/hostname", ""])
def test_what_is_no_page_is_not_read(path: str) -> None:
    with pytest.raises(LookupError):
        pages.read(path)


def test_the_python_reference_is_written_out() -> None:
    text = pages.read("api.md").text

    assert ":::" not in text
    assert "def save(" in text
    assert "#### `Wait.__call__`" in text
    assert "#### `FlowHandle.wait`" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_python_reference_has_a_docstring(name: str) -> None:
    assert len(signatures.described(name).splitlines()) > 2


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(LookupError, match="no function or class 'flaw'"):
        signatures.described("kitaru.flaw")


def places(name: str) -> set[str]:
    """Return where a public name may be described; an object at its class."""
    kind = type(getattr(kitaru, name))
    own = f"{kind.__module__}.{kind.__qualname__}"
    return {f"kitaru.{name}", f"kitaru.models.{name}", own}


def test_everything_public_is_in_the_python_reference() -> None:
    missing = {
        name
        for name in kitaru.__all__
        if not name.startswith("__")
        and not hasattr(errors, name)
        and places(name).isdisjoint(NAMES)
    }

    assert missing == set()


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_has_a_page_with_cause_and_way_out(kind: type) -> None:
    text = pages.read(f"errors/{kind.__name__}.md").text

    assert text.startswith(f"# {kind.__name__}\n")
    assert "\n## Why it comes\n" in text
    assert "\n## Way out\n" in text
    for attribute in ATTRIBUTE.findall(inspect.getdoc(kind) or ""):
        assert f"| `{attribute}` |" in text


def test_no_page_is_about_an_error_that_is_gone() -> None:
    there = {path.stem for path in Path(pages.FOLDER, "errors").glob("Kitaru*.md")}

    assert there == {kind.__name__ for kind in CLASSES}
    tree = pages.read("errors/index.md").text
    assert all(name in tree for name in there - {"KitaruPickleWarning"})
