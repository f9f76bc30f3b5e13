from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from kitaru._engine.zenml.setup import pages


@dataclass
class Answer:
    items: list[int]
    total: int


@dataclass
class Shelf:
    """Answers as ZenML does: a page past the last one is an error."""

    items: list[int]
    asked: list[int] = field(default_factory=list)

    def page(self, number: int, size: int) -> Answer:
        self.asked.append(number)
        begin = (number - 1) * size
        if number > 1 and begin >= len(self.items):
            raise ValueError(f"Invalid page {number}")
        return Answer(self.items[begin : begin + size], len(self.items))


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 25])
def test_all_pages_hold_everything_once_and_none_past_the_end_is_asked_for(
    count: int,
) -> None:
    shelf = Shelf(list(range(count)))

    found = list(pages.every(shelf.page, size=10))

    assert found == list(range(count))
    assert shelf.asked == list(range(1, max(1, -(-count // 10)) + 1))


def test_what_goes_meanwhile_ends_the_pages() -> None:
    shelf = Shelf(list(range(20)))
    found = pages.every(shelf.page, size=10)
    first = [next(found) for _ in range(10)]

    del shelf.items[5:]

    assert (first, list(found)) == (list(range(10)), [])


def test_another_error_of_a_page_is_raised() -> None:
    def refuse(number: int, size: int) -> Answer:
        raise ValueError("no such filter")

    with pytest.raises(ValueError, match="no such filter"):
        list(pages.every(refuse, size=10))
