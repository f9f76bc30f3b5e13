"""Pages of ZenML's listings: one, or all; those past the end, which ZenML refuses, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Listing(Protocol[T]):
    """What there is to read of a page of ZenML's."""

    @property
    def items(self) -> list[T]:
        """What is on the page."""

    @property
    def total(self) -> int:
        """How many there are on all pages."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What is on a page, and how many there are on all of them."""

    items: tuple[T, ...]
    total: int


def read(ask: Callable[[int, int], Listing[T]], *, page: int, size: int) -> Found[T]:
    """Return a page; one past the end has no items and is no error.

    Args:
        ask: Asks ZenML for the page of that number and size.
    """
    try:
        found = ask(page, size)
    except ValueError:
        # ZenML's error for such a page has no class of its own.
        total = ask(1, 1).total if page > 1 else 0
        if page == 1 or (page - 1) * size < total:
            raise
        return Found((), total)
    return Found(tuple(found.items), found.total)


def every(ask: Callable[[int, int], Listing[T]], *, size: int) -> Iterator[T]:
    """Yield what is on all pages; what is added or goes meanwhile may be left out.

    Args:
        ask: Asks ZenML for the page of that number and size.
    """
    page = 1
    while True:
        found = read(ask, page=page, size=size)
        yield from found.items
        if page * size >= found.total:
            return
        page += 1
