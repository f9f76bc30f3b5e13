"""Where two values differ: the rule that comparisons, exports and replays share."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitaru._core.values import differences
from kitaru.models import ValueChange

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab .\"'", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("ab .\"'", max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (1, 1, []),
        (1, 2, [("changed", "$")]),
        (1, True, [("changed", "$")]),
        (1, 1.0, [("changed", "$")]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        (
            {"a": {"b": 1}},
            {"a": {"b": 2, "c": 3}},
            [("changed", "$.a.b"), ("added", "$.a.c")],
        ),
        ({"odd key": 1}, {}, [("removed", '$["odd key"]')]),
        ([1, 2, 3], [0, 1, 2, 3], [("added", "$[0]")]),
        ([{"n": 1}, {"n": 2}], [{"n": 1}, {"n": 3}], [("changed", "$[1].n")]),
        ([1, 2, 3], [3], [("removed", "$[0]"), ("removed", "$[1]")]),
        ({"a": [1]}, {"a": {"0": 1}}, [("changed", "$.a")]),
    ],
    ids=str,
)
def test_a_difference_is_told_where_it_is(
    before: Any, after: Any, told: list[tuple[str, str]]
) -> None:
    assert [(c.kind, c.path) for c in differences.of(before, after)] == told


@given(JSON)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert differences.of(value, json.loads(json.dumps(value))) == []


@given(JSON, JSON)
def test_each_change_quotes_what_is_at_its_place(before: Any, after: Any) -> None:
    found = differences.of(before, after)

    assert bool(found) == (
        json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)
    )
    for change in found:
        if change.kind != "added":
            assert at(before, change) == change.before
        if change.kind == "added":
            assert at(after, change) == change.after


def at(value: Any, change: ValueChange) -> Any:
    """What a path leads to, read by a reader that knows nothing of the rule."""
    for name, key in re.findall(
        r'\.([A-Za-z_]\w*)|\[("(?:[^"\\]|\\.)*"|\d+)\]', change.path
    ):
        value = value[name or json.loads(key)]
    return value


def test_many_differences_are_cut() -> None:
    found = differences.of({str(n): n for n in range(500)}, {})

    assert len(found) == differences.MOST


def test_a_long_list_is_told_as_a_whole() -> None:
    assert [c.path for c in differences.of(list(range(2000)), [1])] == ["$"]


def test_what_is_nested_deeply_is_told_as_a_whole() -> None:
    one: Any = 1
    other: Any = 2
    for _ in range(200):
        one, other = [one], [other]

    (change,) = differences.of(one, other)

    assert change.path == "$" + "[0]" * 50
