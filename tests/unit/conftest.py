"""Records with everything else filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kitaru._core.calls.records import CallRecord, StoredFailure, StoredValue

EXECUTION_ID = "6f2d1f9e-0d4b-4f0e-9a52-3d8f6f1b2c33"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def execution_id() -> str:
    return EXECUTION_ID


@pytest.fixture
def stored() -> Callable[..., StoredValue]:
    return make_value


@pytest.fixture
def call() -> Callable[..., CallRecord]:
    return make_call


def make_value(payload: bytes = b"1", serializer: str = "json") -> StoredValue:
    return StoredValue(
        serializer=serializer,
        type_name="builtins:int",
        content_hash=hashlib.sha256(payload).hexdigest(),
        size=len(payload),
        payload=payload,
    )


def make_call(invocation_id: str, **changes: Any) -> CallRecord:
    """Return a completed call; `failed="message"` makes it a failed one."""
    facts: dict[str, Any] = {
        "execution_id": EXECUTION_ID,
        "invocation_id": invocation_id,
        "name": invocation_id,
        "status": "completed",
        "started_at": NOW,
        "ended_at": NOW,
    }
    message = changes.pop("failed", None)
    pickled = changes.pop("pickled", "cGlja2xlZA==")
    if message is not None:
        facts["status"] = "failed"
        facts["failure"] = StoredFailure(
            message, "builtins.ValueError", "trace", "user_code", pickled
        )
    return CallRecord(**(facts | changes))
