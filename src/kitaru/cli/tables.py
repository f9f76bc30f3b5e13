"""Tables and listings, the same for all commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from kitaru.cli.output import console
from kitaru.models import Page

if TYPE_CHECKING:
    from rich.text import Text

T = TypeVar("T")


def listing(
    page: Page[T],
    columns: Sequence[str],
    row: Callable[[T], Sequence[str | Text]],
    *,
    nothing: str,
) -> None:
    """Print one page of a listing and how to see the next; `nothing` if all is empty."""
    if page.items:
        table(columns, map(row, page.items))
    elif page.total:
        last = -(-page.total // page.size)
        sys.stdout.write(
            f"Page {page.page} is past the end; {page.total} in all, the last page: "
            f"--page {last} --size {page.size}\n"
        )
    else:
        sys.stdout.write(f"{nothing}\n")
    next_page(page)


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print rows below the names of their columns; text is no markup."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for cells in rows:
        drawn.add_row(*(Text(c) if isinstance(c, str) else c for c in cells))
    out = console()
    with out.capture() as captured:
        out.print(drawn)
    # Whoever copies a line, or compares it, gets no blanks at its end.
    for line in captured.get().splitlines():
        sys.stdout.write(f"{line.rstrip()}\n")


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
        sys.stdout.write(
            f"{page.total} in all; next page: --page {page.page + 1} --size {page.size}\n"
        )
