"""What listings of the command look like."""

from __future__ import annotations

import pytest

from kitaru._core.words.paging import cut
from kitaru.cli import tables
from kitaru.models import ModelAlias

NAMES = ("[bold]one[/bold]", "two")
ALIASES = [ModelAlias(alias=name, model="test", source="settings") for name in NAMES]


def listed(page: int, size: int, aliases: list[ModelAlias] = ALIASES) -> None:
    tables.listing(
        cut(aliases, page=page, size=size, limit=None),
        ("ALIAS", "MODEL"),
        lambda item: (item.alias, item.model),
        nothing="No aliases.",
    )


def test_names_are_no_markup_and_no_line_ends_in_blanks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed(1, 20)

    assert capsys.readouterr().out.splitlines() == [
        "ALIAS             MODEL",
        "[bold]one[/bold]  test",
        "two               test",
    ]


def test_a_page_past_the_end_is_not_told_as_nothing_at_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed(9, 1)

    told = "Page 9 is past the end; 2 in all, the last page: --page 2 --size 1\n"
    assert capsys.readouterr().out == told


def test_there_is_nothing_only_if_all_is_empty(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed(1, 20, aliases=[])

    assert capsys.readouterr().out == "No aliases.\n"


def test_aligned_columns_keep_long_values_whole() -> None:
    rows = [("store", "/a" * 200), ("connection", "local")]

    assert tables.aligned(rows) == [
        f"  store       {'/a' * 200}",
        "  connection  local",
    ]
