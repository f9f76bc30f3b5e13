from __future__ import annotations

import pytest

from kitaru._engine.session.lineage import Origins


@pytest.fixture
def origins() -> Origins:
    return Origins()


def test_the_very_object_knows_its_producer(origins: Origins) -> None:
    value = [1, 2]
    origins.remember(value, "gather", "hash")

    assert origins.producer(value) == "gather"
    assert origins.content_hash(value) == "hash"


def test_an_equal_object_has_no_producer(origins: Origins) -> None:
    origins.remember([1, 2], "gather", "hash")

    assert origins.producer([1, 2]) is None
    assert origins.content_hash([1, 2]) is None


@pytest.mark.parametrize("value", [None, True, 7, 1.5, "", "a"], ids=repr)
def test_what_python_shares_has_no_producer(origins: Origins, value: object) -> None:
    origins.remember(value, "gather", "hash")

    assert origins.producer(value) is None


def test_a_later_call_takes_the_object_over(origins: Origins) -> None:
    value = [1]
    origins.remember(value, "gather", "h1")
    origins.remember(value, "sort", "h2")

    assert origins.producer(value) == "sort"


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda value: value, id="itself"),
        pytest.param(lambda value: [value], id="in a list"),
        pytest.param(lambda value: (value, value), id="in a tuple"),
        pytest.param(lambda value: {"a": value}, id="in a dict"),
    ],
)
def test_parents_are_the_producers_of_arguments_and_items(
    origins: Origins, wrap: object
) -> None:
    value = [1]
    origins.remember(value, "gather", "hash")

    parents = origins.parents([0, wrap(value)])  # type: ignore[operator]  # a table

    assert parents == ("gather",)


def test_parents_come_once_and_in_order(origins: Origins) -> None:
    one, other = [1], [2]
    origins.remember(one, "a", "h")
    origins.remember(other, "b", "h")

    assert origins.parents([other, [one, other]]) == ("b", "a")


def test_old_results_are_forgotten(origins: Origins) -> None:
    results = [[number] for number in range(1000)]

    for number, result in enumerate(results):
        origins.remember(result, f"step{number}", "hash")

    assert origins.producer(results[0]) is None
    assert origins.producer(results[-1]) == "step999"


def test_a_freed_object_never_gives_its_origin_to_another(origins: Origins) -> None:
    for number in range(200):
        origins.remember([number], f"step{number}", "hash")

        assert origins.producer([number]) is None
