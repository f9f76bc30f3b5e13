from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from kitaru._core.calls import records
from kitaru._core.calls.records import (
    AttemptRecord,
    CallRecord,
    StoredArtifact,
    StoredFailure,
    StoredValue,
)
from kitaru.models import Usage

Make = Callable[..., CallRecord]


@pytest.fixture
def full(call: Make, stored: Callable[..., StoredValue]) -> CallRecord:
    """A record with every field given."""
    failure = StoredFailure("no", "builtins.ValueError", "trace", "user_code", "cGs=")
    bare = call("draft")
    later = bare.started_at + timedelta(microseconds=1)
    return call(
        "draft",
        order=3,
        position=2,
        ended_at=later,
        attempts=(
            AttemptRecord(1, "failed", bare.started_at, later, failure),
            AttemptRecord(2, "completed", later, later),
        ),
        output=stored(b'"out"'),
        failure=failure,
        caught=True,
        fingerprint="f",
        metadata={"cost": 1.5, "deep": {"a": [None, "ü"]}},
        checkpoint_type="llm_call",
        code_hash="c",
        parents=("gather",),
        artifacts=(
            StoredArtifact("id1", "plan", "prompt", stored(b"1"), ("a", "b")),
            StoredArtifact("id2", "note", "output", stored(b"")),
        ),
        reused=True,
        usage=Usage(requests=2, input_tokens=7, cost=Decimal("0.10")),
        original="other",
    )


def test_a_record_comes_back_from_json_and_payloads(full: CallRecord) -> None:
    payloads = [value.payload for value in full.values]

    back = records.with_payloads(records.from_json(records.to_json(full)), payloads)

    assert back == full


def test_the_json_holds_no_payloads(full: CallRecord) -> None:
    back = records.from_json(records.to_json(full))

    assert [value.payload for value in back.values] == [None, None, None]
    assert [value.size for value in back.values] == [1, 0, 5]


def test_the_json_leaves_out_what_is_not_given(call: Make) -> None:
    assert set(json.loads(records.to_json(call("draft")))) == {
        "execution_id",
        "invocation_id",
        "name",
        "status",
        "started_at",
        "ended_at",
    }


def test_values_are_the_saved_artifacts_and_then_the_output(full: CallRecord) -> None:
    assert [value.payload for value in full.values] == [b"1", b"", b'"out"']


def test_a_call_without_output_has_its_artifacts_only(full: CallRecord) -> None:
    failed = replace(full, output=None)

    assert [value.payload for value in failed.values] == [b"1", b""]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"failed": "cannot open 'caf\udce9'"}, id="message"),
        pytest.param({"metadata": {"file": "caf\udce9"}}, id="metadata"),
    ],
)
def test_text_that_is_no_unicode_does_not_keep_an_outcome_from_being_stored(
    call: Make, changes: dict[str, Any]
) -> None:
    text = records.to_json(call("draft", **changes))

    back = records.from_json(text)

    assert "caf?" in text
    assert text.encode()
    assert back.status == ("failed" if "failed" in changes else "completed")


def test_a_caught_failure_is_a_new_record(call: Make) -> None:
    record = call("draft", failed="no")

    caught = records.as_caught(record)

    assert (record.caught, caught.caught) == (False, True)


def test_records_cannot_be_changed(full: CallRecord) -> None:
    with pytest.raises(FrozenInstanceError):
        full.status = "failed"  # type: ignore[misc]  # that is the test
