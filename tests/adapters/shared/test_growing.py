"""Fingerprints of conversations cost what is new in them."""

from __future__ import annotations

from typing import Any

import pytest

from kitaru.adapters._shared.growing import Growing


def grown(length: int) -> tuple[Growing, list[int]]:
    """Return what knows a conversation of that length, and what it hashed for it."""
    growing, hashed = Growing(), list[int]()

    def plain(item: dict[str, int]) -> dict[str, int]:
        hashed.append(item["n"])
        return item

    for so_far in range(1, length + 1):
        # New dicts each time, as frameworks make them.
        growing.fingerprint([{"n": n} for n in range(so_far)], plain)
    return growing, hashed


def test_each_message_is_hashed_once_however_many_requests_there_are() -> None:
    assert grown(200)[1] == list(range(200))


def test_messages_that_may_still_change_are_hashed_again() -> None:
    growing, message = Growing(), {"text": "hi"}
    before = growing.fingerprint([message], settled=0)
    message["text"] = "hello"

    now = growing.fingerprint([message], settled=1)

    assert now != before
    assert now == Growing().fingerprint([{"text": "hello"}])


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([{"n": 0}, {"n": 1}, {"n": 2}, {"n": 3}], id="longer"),
        pytest.param([{"n": 0}, {"n": 9}, {"n": 2}], id="changed in the middle"),
        pytest.param([{"n": 0}], id="shorter"),
        pytest.param([], id="empty"),
    ],
)
def test_what_is_known_changes_no_fingerprint(items: list[Any]) -> None:
    growing, _ = grown(3)

    assert growing.fingerprint(items) == Growing().fingerprint(items)


def test_order_and_number_count() -> None:
    one, two = {"n": 1}, {"n": 2}

    found = {Growing().fingerprint(items) for items in ([one, two], [two, one], [one])}

    assert len(found) == 3


def test_what_has_no_json_form_has_no_fingerprint() -> None:
    assert Growing().fingerprint([object()]) is None
