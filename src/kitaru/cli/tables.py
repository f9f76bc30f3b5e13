"""Tables and listings, the same for all commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from kitaru.cli.screen import Piece, say, table
from kitaru.models import Page

T = TypeVar("T")


def listing(
    page: Page[T],
    columns: Sequence[str],
    row: Callable[[T], Sequence[Piece]],
    *,
    nothing: str,
) -> None:
    """Print one page of a listing and how to see the next; `nothing` if all is empty."""
    if page.items:
        table(columns, map(row, page.items))
    elif page.total:
        last = -(-page.total // page.size)
        say(
            f"Page {page.page} is past the end; {page.total} in all, the last page: "
            f"--page {last} --size {page.size}"
        )
    else:
        say(nothing)
    next_page(page)


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return indented lines with columns below one another; nothing is ever cut."""
    cells = list(rows)
    if not cells:
        return []
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  " + "  ".join(map(str.ljust, row, widths)).rstrip()  # the last may be long
        for row in cells
    ]


def next_page(page: Page[Any]) -> None:
    """Print how to see the next page, if there is one."""
    if page.page * page.size < page.total:
        say(
            f"{page.total} in all; next page: --page {page.page + 1} --size {page.size}"
        )
