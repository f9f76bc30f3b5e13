from __future__ import annotations

import pytest

from kitaru._core.values import fingerprints


def test_arguments_are_combined_by_name_not_by_order() -> None:
    one = fingerprints.of_arguments({"a": "1", "b": "2"})
    other = fingerprints.of_arguments({"b": "2", "a": "1"})

    assert one == other


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"a": "1", "b": "3"}, id="another value"),
        pytest.param({"a": "1", "c": "2"}, id="another name"),
        pytest.param({"a": "1"}, id="one missing"),
        pytest.param({"a": "2", "b": "1"}, id="swapped"),
        pytest.param({}, id="none"),
    ],
)
def test_other_arguments_give_another_fingerprint(other: dict[str, str]) -> None:
    before = fingerprints.of_arguments({"a": "1", "b": "2"})

    assert fingerprints.differ(before, fingerprints.of_arguments(other))


def test_one_unknown_argument_makes_the_whole_unknown() -> None:
    digests = {"a": "1", "b": fingerprints.of_value(object())}

    assert fingerprints.of_arguments(digests) is fingerprints.UNKNOWN


@pytest.mark.parametrize(
    ("before", "now", "differs"),
    [
        pytest.param("a", "b", True, id="changed"),
        pytest.param("a", "a", False, id="equal"),
        pytest.param(None, "a", False, id="unknown before"),
        pytest.param("a", None, False, id="unknown now"),
        pytest.param(None, None, False, id="both unknown"),
    ],
)
def test_only_two_known_fingerprints_prove_a_change(
    before: str | None, now: str | None, differs: bool
) -> None:
    assert fingerprints.differ(before, now) is differs
