"""The pages of the installed version: find them by words, and read them."""

from __future__ import annotations

from functools import cache

from kitaru._core.words import finding
from kitaru._core.words.finding import Passage
from kitaru._core.words.similar import did_you_mean
from kitaru.errors import KitaruUsageError
from kitaru.shipped import pages
from kitaru.shipped.pages import Page


def find(words: str, *, limit: int) -> list[Passage]:
    """Return the passages of all pages that are most about some words."""
    return finding.best(words, _passages(), limit=limit)


def read(path: str) -> Page:
    """Return a page by its path, such as `waits.md`.

    Raises:
        KitaruUsageError: If there is no such page.
    """
    try:
        return pages.read(path)
    except LookupError:
        hint = did_you_mean(path, pages.paths())
        raise KitaruUsageError(f"there is no page {path!r}{hint}") from None


@cache
def _passages() -> tuple[Passage, ...]:
    return tuple(
        passage
        for path in pages.paths()
        for passage in finding.passages(path, pages.read(path).text)
    )
