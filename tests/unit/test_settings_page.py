"""The page of settings names everything that can be set, with the default the code has."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

import kitaru
from kitaru import ImageSettings, KitaruUsageError
from kitaru._core.settings import settings
from kitaru._core.settings.budgets import Budget
from kitaru._engine.journal import compaction
from kitaru._engine.runners import queue
from kitaru._engine.session import futures
from kitaru._engine.settings import analytics, configuration, folders
from kitaru._ops.language_models import aliases
from kitaru.shipped import pages

PAGE = pages.read("configuration.md").text
SOURCE = Path(kitaru.__file__).parent
ROW = re.compile(
    r"^\| `(?P<name>[A-Z_]+)` \| (?P<about>.+) \| (?P<default>.+) \| `(?P<example>.+)` \|$",
    re.MULTILINE,
)
ROWS = {match["name"]: match for match in ROW.finditer(PAGE)}
OURS = re.compile(r"KITARU_[A-Z_]+")
# Processes of ours tell each other; nobody sets them.
INSIDE = {"KITARU_SERVER_ONLY", "KITARU_SERVED_FOLDER"}
NUMBERS = {
    "KITARU_CONCURRENCY": (futures.configured_width, futures.DEFAULT_WIDTH),
    "KITARU_RUNNERS": (queue.pool_size, queue.DEFAULT_SIZE),
    "KITARU_JOURNAL_MB": (compaction.size_limit, compaction.DEFAULT_SIZE_MB),
}
SWITCHES = {
    "KITARU_TRUST_PICKLES": folders.trusts_pickles,
    "KITARU_STORE_WAL": folders.wants_write_ahead_log,
    "KITARU_DEBUG": lambda: folders.is_on("KITARU_DEBUG"),
    "KITARU_ANALYTICS_OPT_IN": lambda: analytics.preference().opted_in,
}


def read_by_the_code() -> set[str]:
    """Return the variables that stand in the source as a text of their own."""
    found = {f"KITARU_{key.upper()}" for key in settings.KEYS}
    for path in SOURCE.rglob("*.py"):
        if "shipped" in path.relative_to(SOURCE).parts[:1]:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if OURS.fullmatch(node.value) else set()
    return found - INSIDE


def test_every_variable_has_a_row_and_no_row_is_of_one_that_is_gone() -> None:
    assert set(ROWS) - {"NO_COLOR"} == read_by_the_code()


@pytest.mark.parametrize(
    "names",
    [
        settings.KEYS,
        tuple(ImageSettings.model_fields),
        tuple(f.name for f in fields(Budget)),
    ],
    ids=["settings", "image", "budget"],
)
def test_every_setting_is_on_the_page(names: tuple[str, ...]) -> None:
    assert [name for name in names if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("key", settings.KEYS)
def test_an_example_of_a_setting_is_taken(key: str) -> None:
    variable = f"KITARU_{key.upper()}"

    read = configuration.from_environment({variable: ROWS[variable]["example"]})

    assert getattr(read, key) is not None


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_has_the_default_of_the_page_and_takes_its_example(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, default = NUMBERS[name]
    monkeypatch.delenv(name, raising=False)
    without = read()
    monkeypatch.setenv(name, ROWS[name]["example"])

    assert ROWS[name]["default"] == f"`{default}`"
    assert read() != without
    monkeypatch.setenv(name, "many")
    with pytest.raises(KitaruUsageError, match=name):
        read()


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_has_the_default_of_the_page_also_when_it_is_empty(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read: Callable[[], bool] = SWITCHES[name]
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path))
    monkeypatch.delenv(analytics.ZENML_VARIABLE, raising=False)
    by_default = ROWS[name]["default"].strip("`") == "true"

    for text, expected in (("", by_default), ("true", True), ("0", False)):
        monkeypatch.setenv(name, text)
        assert read() is expected


def test_the_example_of_aliases_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(aliases.REGISTRY, ROWS[aliases.REGISTRY]["example"])

    assert str(aliases.choose("fast")) == "openai/gpt-5-mini"
