from __future__ import annotations

from collections.abc import Callable

import pytest

from kitaru._core.calls import selectors
from kitaru._core.calls.names import call_id
from kitaru._core.calls.records import CallRecord
from kitaru.errors import KitaruUsageError

Make = Callable[..., CallRecord]


@pytest.fixture
def records(call: Make) -> list[CallRecord]:
    return [
        call("gather"),
        call("draft"),
        call("draft_2", name="draft"),
        call("special", name="review"),
    ]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        pytest.param("gather", "gather", id="name called once"),
        pytest.param("review", "special", id="name of a call with an own id"),
        pytest.param("special", "special", id="own id"),
        pytest.param("draft_2", "draft_2", id="numbered call"),
        pytest.param("draft_1", "draft", id="the first of several calls"),
        pytest.param("gather_1", "gather", id="the first and only call"),
    ],
)
def test_a_selector_names_one_call(
    records: list[CallRecord], selector: str, found: str
) -> None:
    assert selectors.find(records, selector).invocation_id == found


@pytest.mark.parametrize("invocation_id", ["gather", "draft", "draft_2", "special"])
def test_a_call_id_names_its_call(
    records: list[CallRecord], execution_id: str, invocation_id: str
) -> None:
    found = selectors.find(records, call_id(execution_id, invocation_id))

    assert found.invocation_id == invocation_id


def test_every_choice_offered_for_an_ambiguous_name_can_be_used(
    records: list[CallRecord], execution_id: str
) -> None:
    with pytest.raises(KitaruUsageError) as caught:
        selectors.find(records, "draft")

    message = str(caught.value)
    first, second = message.rpartition(": ")[2].split(", ")
    assert message.startswith("2 calls of checkpoint 'draft'")
    assert "the first is draft_1" in message
    for choice, invocation_id in ((first, "draft"), (second, "draft_2")):
        for name in choice.replace("(", "").replace(")", "").split():
            assert selectors.find(records, name).invocation_id == invocation_id
    assert call_id(execution_id, "draft_2") in second


def test_an_id_that_somebody_gave_wins_over_the_alias_of_a_first_call(
    call: Make,
) -> None:
    records = [call("draft"), call("draft_1", name="review")]

    assert selectors.find(records, "draft_1").name == "review"


@pytest.mark.parametrize("selector", ["wait", "wait.approve"])
def test_a_wait_is_no_anchor(records: list[CallRecord], selector: str) -> None:
    with pytest.raises(KitaruUsageError, match=r"waits are no anchors.*with input"):
        selectors.find(records, selector)


def test_an_unknown_name_suggests_and_lists_calls(records: list[CallRecord]) -> None:
    with pytest.raises(KitaruUsageError) as caught:
        selectors.find(records, "gathr")

    assert str(caught.value) == (
        "no checkpoint 'gathr' in this execution; did you mean 'gather'? "
        "(it has: gather, draft, draft_2, special)"
    )


def test_an_execution_without_calls_says_so() -> None:
    with pytest.raises(KitaruUsageError, match=r"'draft'.*\(it has none yet\)"):
        selectors.find([], "draft")


def test_a_long_list_of_calls_is_cut(call: Make) -> None:
    records = [call(f"step{number}") for number in range(30)]

    with pytest.raises(KitaruUsageError) as caught:
        selectors.find(records, "other")

    assert "step19" in str(caught.value)
    assert "step20" not in str(caught.value)
