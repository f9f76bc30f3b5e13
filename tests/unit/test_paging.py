"""Which part of a listing a page shows."""

from __future__ import annotations

import pytest

from kitaru._core.words import paging
from kitaru.errors import KitaruUsageError


def test_a_limit_is_the_first_page_of_that_size() -> None:
    assert paging.window(page=1, size=20, limit=3) == (1, 3)


def test_a_limit_with_another_page_is_refused_instead_of_ignoring_one() -> None:
    with pytest.raises(KitaruUsageError, match="--page 2 --size 3"):
        paging.window(page=2, size=20, limit=3)


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_an_impossible_limit_is_named_as_the_limit(limit: int) -> None:
    with pytest.raises(KitaruUsageError, match=f"a limit of {limit} is not possible"):
        paging.window(page=1, size=20, limit=limit)


@pytest.mark.parametrize(("page", "size"), [(0, 20), (1, 0), (1, 501)])
def test_impossible_pages_are_refused(page: int, size: int) -> None:
    with pytest.raises(KitaruUsageError, match=f"page {page} of size {size}"):
        paging.window(page=page, size=size, limit=None)


def test_a_page_past_the_end_is_empty_and_knows_how_many_there_are() -> None:
    page = paging.cut("abc", page=3, size=2, limit=None)

    assert (page.items, page.total) == ((), 3)
