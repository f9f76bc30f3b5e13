"""Keys, tags and attributes: how they add up, and what they are called in stores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitaru._core.calls.names import is_call_of
from kitaru._core.settings import labels
from kitaru._core.settings.labels import Labels

LABELS = st.builds(
    Labels,
    key=st.none() | st.text(min_size=1),
    tags=st.lists(st.text(min_size=1), unique=True).map(tuple),
    attributes=st.dictionaries(
        st.text(min_size=1), st.text() | st.booleans() | st.integers()
    ),
)


@given(LABELS)
def test_labels_are_read_as_they_were_written(some: Labels) -> None:
    assert Labels.from_dict(some.to_dict()) == some


@given(LABELS, LABELS, LABELS)
def test_labels_add_up_in_any_grouping(a: Labels, b: Labels, c: Labels) -> None:
    assert labels.merge(labels.merge(a, b), c) == labels.merge(a, labels.merge(b, c))
    assert labels.merge(a, Labels()) == labels.merge(Labels(), a) == a


@given(st.text(min_size=1), st.text(min_size=1))
def test_keys_have_names_of_their_own_that_every_database_tells_apart(
    one: str, other: str
) -> None:
    name = labels.run_name(one)

    assert (name == labels.run_name(other)) == (one == other)
    assert name == name.lower()
    assert len(name) <= 100
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@pytest.mark.parametrize(
    ("invocation_id", "wanted", "is_one"),
    [
        ("ship", "ship", True),
        ("ship_2", "ship", True),
        ("ship_2", "ship_2", True),
        ("ship_2", "ship_", False),
        ("ship_", "ship", False),
        ("ship_now", "ship", False),
        ("shipped", "ship", False),
        ("ship_²", "ship", False),
    ],
)
def test_a_call_is_one_of_its_checkpoint(
    invocation_id: str, wanted: str, is_one: bool
) -> None:
    assert is_call_of(invocation_id, wanted) is is_one
