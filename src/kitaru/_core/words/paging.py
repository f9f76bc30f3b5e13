"""Which part of a listing a page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from kitaru.errors import KitaruUsageError
from kitaru.models import Page

T = TypeVar("T")

DEFAULT_SIZE = 20
MAX_SIZE = 500


def window(*, page: int, size: int, limit: int | None) -> tuple[int, int]:
    """Return page number and size; `limit` means the first page of that size.

    Raises:
        KitaruUsageError: For a page before the first, an impossible size, or a limit
            together with another page.
    """
    if limit is not None:
        if page != 1:
            raise KitaruUsageError(
                f"a limit ({limit}) is short for page 1 and goes with no other page, "
                f"such as {page}; give a size instead: --page {page} --size {limit}"
            )
        if not 1 <= limit <= MAX_SIZE:
            raise KitaruUsageError(
                f"a limit of {limit} is not possible: limits go from 1 to {MAX_SIZE}"
            )
        size = limit
    if page < 1 or not 1 <= size <= MAX_SIZE:
        raise KitaruUsageError(
            f"page {page} of size {size} is not possible: pages start at 1, sizes go "
            f"from 1 to {MAX_SIZE}"
        )
    return page, size


def cut(items: Sequence[T], *, page: int, size: int, limit: int | None) -> Page[T]:
    """Return one page of a listing that is in memory.

    Raises:
        KitaruUsageError: For a page before the first, or an impossible size.
    """
    page, size = window(page=page, size=size, limit=limit)
    start = (page - 1) * size
    found = tuple(items[start : start + size])
    return Page(items=found, total=len(items), page=page, size=size)
