"""The pages of the installed version: find them by words, and read them."""

from __future__ import annotations

from functools import cache

from kitaru._core.words import finding
from kitaru._core.words.finding import Passage
from kitaru._core.words.similar import did_you_mean
from kitaru.errors import (
    KitaruBackendError,
    KitaruBudgetError,
    KitaruContextError,
    KitaruDivergenceError,
    KitaruError,
    KitaruFeatureNotAvailableError,
    KitaruUsageError,
)
from kitaru.shipped import pages
from kitaru.shipped.pages import Page

# Their pages say more than a message can. What else there is names the way out itself,
# or is an error of the user's own code.
_SAY_MORE = (
    KitaruBackendError,
    KitaruBudgetError,
    KitaruContextError,
    KitaruDivergenceError,
    KitaruFeatureNotAvailableError,
)
_ERRORS = KitaruError.__module__


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


def explaining(error: BaseException | None) -> str | None:
    """Return the page of an error that says more than its message, if it has one.

    Example:
        >>> explaining(KitaruContextError("wait() was called inside a checkpoint"))
        'errors/KitaruContextError.md'
    """
    if not isinstance(error, _SAY_MORE):
        return None
    ours = (kind for kind in type(error).__mro__ if kind.__module__ == _ERRORS)
    return f"errors/{next(ours).__name__}.md"


def where_explained(error: BaseException | None) -> str | None:
    """Return a line for people that names the file of that page, if there is one."""
    page = explaining(error)
    return f"causes, and ways out: {pages.FOLDER / page}" if page else None


@cache
def _passages() -> tuple[Passage, ...]:
    return tuple(
        passage
        for path in pages.paths()
        for passage in finding.passages(path, pages.read(path).text)
    )
