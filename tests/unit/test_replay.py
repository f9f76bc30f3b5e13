from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kitaru._core.calls import replay
from kitaru._core.calls.names import call_id
from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.calls.replay import (
    Action,
    Decision,
    ReplayPlan,
    Timeline,
)
from kitaru.errors import KitaruUsageError

Make = Callable[..., CallRecord]


@pytest.fixture
def source(call: Make) -> list[CallRecord]:
    """Four calls, handed over in another order than they were made in."""
    return [
        call("draft_2", name="draft", order=3, fingerprint="f3"),
        call("gather", order=1, fingerprint="f1"),
        call("review", order=4, fingerprint="f4"),
        call("draft", order=2, fingerprint="f2"),
    ]


def plan(source: list[CallRecord], anchor: str, **options: Any) -> ReplayPlan:
    return replay.plan(source, source="ex", anchor=anchor, **options)


# -- rerun of the same execution ----------------------------------------------


@pytest.mark.parametrize(
    ("record", "action"),
    [
        pytest.param({}, Action.REUSE, id="completed"),
        pytest.param({"failed": "no", "caught": True}, Action.RAISE, id="caught"),
        pytest.param({"failed": "no"}, Action.RUN, id="ended the attempt"),
    ],
)
def test_a_rerun_repeats_what_the_flow_saw(
    call: Make, record: dict[str, Any], action: Action
) -> None:
    before = call("draft", **record)

    decision = Timeline(own=[before]).decide("draft", None)

    assert decision.action is action
    assert decision.record is (None if action is Action.RUN else before)
    assert decision.note is None


def test_a_rerun_runs_a_call_nobody_asked_for_before(call: Make) -> None:
    decision = Timeline(own=[call("draft")]).decide("draft_2", "f")

    assert decision == replay.RUN


def test_a_caught_failure_that_cannot_be_rebuilt_runs_again_and_says_so(
    call: Make,
) -> None:
    before = call("draft", failed="no", caught=True, pickled=None)

    decision = Timeline(own=[before]).decide("draft", None)

    assert decision.action is Action.RUN
    assert decision.note == "its recorded exception cannot be rebuilt, so it runs again"


@pytest.mark.parametrize(
    ("before", "now", "noted"),
    [
        pytest.param("a", "b", True, id="changed"),
        pytest.param("a", "a", False, id="equal"),
        pytest.param(None, "b", False, id="unknown before"),
        pytest.param("a", None, False, id="unknown now"),
    ],
)
def test_a_rerun_reuses_a_result_even_with_other_inputs(
    call: Make, before: str | None, now: str | None, noted: bool
) -> None:
    timeline = Timeline(own=[call("draft", fingerprint=before)])

    decision = timeline.decide("draft", now)

    assert decision.action is Action.REUSE
    assert decision.note == ("called with other inputs than before" if noted else None)
    assert decision.changed is noted


@pytest.mark.parametrize(
    ("changed", "excuse", "misplaced"),
    [
        pytest.param(True, None, True, id="another call's result"),
        pytest.param(False, None, False, id="the same arguments"),
        pytest.param(True, "has_own_id", False, id="told apart by its id"),
        pytest.param(True, "source_changed", False, id="somebody changed the flow"),
        pytest.param(True, "is_described", False, id="work that others describe"),
        pytest.param(True, "is_fleeting", False, id="an argument new by nature"),
    ],
)
def test_a_result_of_other_arguments_is_misplaced_unless_excused(
    changed: bool, excuse: str | None, misplaced: bool
) -> None:
    names = ("has_own_id", "source_changed", "is_described", "is_fleeting")
    excuses = {name: name == excuse for name in names}
    decision = Decision(Action.REUSE, changed=changed)

    assert Timeline(own=[]).is_misplaced(decision, **excuses) is misplaced


def test_the_call_that_had_the_arguments_is_named(call: Make) -> None:
    timeline = Timeline(own=[call("draft", fingerprint="a"), call("send")])

    assert timeline.called_with("draft", "a") == "draft"
    assert timeline.called_with("draft", "b") is None


def test_the_path_of_earlier_attempts_is_known_by_position(call: Make) -> None:
    timeline = Timeline(own=[call("a", position=1), call("b"), call("c", position=2)])

    expected = [timeline.expected_at(position) for position in (1, 2, 3)]

    assert [found and found.invocation_id for found in expected] == ["a", "c", None]


# -- replay as a new execution ------------------------------------------------


@pytest.mark.parametrize(
    ("invocation_id", "action"),
    [
        pytest.param("gather", Action.REUSE, id="before the anchor"),
        pytest.param("draft", Action.REUSE, id="just before the anchor"),
        pytest.param("draft_2", Action.RUN, id="the anchor"),
        pytest.param("review", Action.RUN, id="after the anchor"),
        pytest.param("brand_new", Action.RUN, id="not in the source"),
    ],
)
def test_a_replay_runs_the_anchor_and_what_comes_after(
    source: list[CallRecord], invocation_id: str, action: Action
) -> None:
    timeline = Timeline(replay=plan(source, "draft_2"), source=source)

    decision = timeline.decide(invocation_id, "whatever it is now")

    assert decision.action is action
    assert decision.note is None


@pytest.mark.parametrize(
    ("record", "action"),
    [
        pytest.param({}, Action.REUSE, id="completed"),
        pytest.param({"failed": "no", "caught": True}, Action.RAISE, id="caught"),
        pytest.param({"failed": "no"}, Action.RUN, id="failed"),
    ],
)
def test_a_replay_uses_the_recorded_outcome_before_the_anchor(
    call: Make, record: dict[str, Any], action: Action
) -> None:
    source = [call("draft", order=1, **record), call("review", order=2)]
    timeline = Timeline(replay=plan(source, "review"), source=source)

    assert timeline.decide("draft", None).action is action


@pytest.mark.parametrize("target", ["gather", "review", "draft_2"])
def test_an_override_wins_wherever_the_call_stands(
    source: list[CallRecord], stored: Callable[..., StoredValue], target: str
) -> None:
    value = stored(b"2")
    made = plan(source, "draft_2", overrides={f"checkpoint.{target}": value})

    decision = Timeline(replay=made, source=source).decide(target, "other")

    assert decision.action is Action.OVERRIDE
    assert decision.value == value
    assert decision.record is not None
    assert decision.record.invocation_id == target


@pytest.mark.parametrize(
    ("options", "fingerprint", "action"),
    [
        pytest.param({}, "new", Action.REUSE, id="nothing changed"),
        pytest.param({"inputs_changed": True}, "new", Action.RUN, id="flow input"),
        pytest.param({"overrides": "gather"}, "new", Action.RUN, id="override"),
        pytest.param({"inputs_changed": True}, "f2", Action.REUSE, id="equal inputs"),
        pytest.param({"inputs_changed": True}, None, Action.REUSE, id="unknown inputs"),
    ],
)
def test_behind_a_change_fingerprints_decide(
    source: list[CallRecord],
    stored: Callable[..., StoredValue],
    options: dict[str, Any],
    fingerprint: str | None,
    action: Action,
) -> None:
    if "overrides" in options:
        options = {"overrides": {f"checkpoint.{options['overrides']}": stored()}}
    made = plan(source, "review", **options)

    decision = Timeline(replay=made, source=source).decide("draft", fingerprint)

    assert decision.action is action
    assert decision.note == (
        "its inputs changed, so it runs again" if action is Action.RUN else None
    )


def test_a_retried_replay_uses_its_own_results_first(
    call: Make, source: list[CallRecord]
) -> None:
    own = call("review", execution_id="0b1b4f3c-7a63-4f6e-8d70-c9c1c5f6a111")
    timeline = Timeline(own=[own], replay=plan(source, "gather"), source=source)

    decision = timeline.decide("review", None)

    assert decision.record is own


# -- plans --------------------------------------------------------------------


def test_a_plan_follows_the_order_of_the_calls(source: list[CallRecord]) -> None:
    made = plan(source, "draft_2", reuse_waits=True)

    assert made == ReplayPlan(
        source="ex",
        anchor="draft_2",
        reuse=frozenset({"gather", "draft"}),
        reuse_waits=True,
    )


def test_a_plan_takes_call_ids(source: list[CallRecord], execution_id: str) -> None:
    made = plan(source, call_id(execution_id, "draft"))

    assert (made.anchor, made.reuse) == ("draft", frozenset({"gather"}))


def test_the_first_call_as_anchor_reuses_nothing(source: list[CallRecord]) -> None:
    assert plan(source, "gather").reuse == frozenset()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        pytest.param(
            "wait.approve", "waits cannot be overridden; answer the wait", id="wait"
        ),
        pytest.param("checkpoint.wait.approve", "waits are no anchors", id="wait call"),
        pytest.param(
            "gather",
            "keys look like 'checkpoint.<name>'; did you mean 'checkpoint.gather'",
            id="no prefix",
        ),
        pytest.param(
            "checkpoint.gathr", "no checkpoint 'gathr'.*'gather'", id="unknown"
        ),
        pytest.param("checkpoint.draft", "2 calls of checkpoint", id="ambiguous"),
        pytest.param("checkpoint.", "no checkpoint ''", id="empty"),
    ],
)
def test_other_override_keys_are_refused(
    source: list[CallRecord],
    stored: Callable[..., StoredValue],
    key: str,
    message: str,
) -> None:
    with pytest.raises(KitaruUsageError, match=message):
        plan(source, "review", overrides={key: stored()})


def test_an_unknown_anchor_is_refused(source: list[CallRecord]) -> None:
    with pytest.raises(KitaruUsageError, match="did you mean 'review'"):
        plan(source, "reviw")


# -- reuse --------------------------------------------------------------------


@pytest.mark.parametrize("original", [None, "the-first"])
def test_reuse_points_to_the_call_that_did_the_work(
    call: Make, execution_id: str, original: str | None
) -> None:
    record = call("draft", original=original)

    found = replay.original_of(record)

    assert found == (original or call_id(execution_id, "draft"))
