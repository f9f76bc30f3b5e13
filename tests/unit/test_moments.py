"""Moments and spans of time as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kitaru._core.words import moments
from kitaru.errors import KitaruUsageError

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2d", NOW - timedelta(days=2)),
        (" 90 s ", NOW - timedelta(seconds=90)),
        ("1w", NOW - timedelta(weeks=1)),
        ("0m", NOW),
        (timedelta(hours=3), NOW - timedelta(hours=3)),
        ("2026-11-01T10:00Z", datetime(2026, 11, 1, 10, tzinfo=UTC)),
        ("2026-11-01T10:00+02:00", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        (NOW, NOW),
        ("900000000d", None),
    ],
    ids=str,
)
def test_a_moment_is_read(said: object, meant: datetime | None) -> None:
    if meant is None:
        meant = datetime.min.replace(tzinfo=UTC)

    assert moments.moment(said, now=NOW, option="since") == meant


@pytest.mark.parametrize(
    "said", ["", "soon", "-2d", "2 months", "2026-11-01", "1.5d", 3, None, "1_0d"]
)
def test_what_is_no_moment_is_refused(said: object) -> None:
    with pytest.raises(KitaruUsageError, match="since "):
        moments.moment(said, now=NOW, option="since")


@pytest.mark.parametrize("said", ["soon", timedelta(days=-1), 5, "2026-11-01T10:00Z"])
def test_what_is_no_span_is_refused(said: object) -> None:
    with pytest.raises(KitaruUsageError, match="older_than must be a span"):
        moments.span(said, option="older_than")
