"""Which executions stay though they have ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kitaru._core.upkeep import retention
from kitaru.errors import KitaruUsageError
from kitaru.models import Retention

NOW = datetime(2026, 1, 31, tzinfo=UTC)
BEGAN = {f"{days} days": NOW - timedelta(days=days) for days in (1, 10, 40, 50)}
BEGAN_SOMETIME = {**BEGAN, "nobody knows": None}
MONTH = timedelta(days=30)


@pytest.mark.parametrize(
    ("rule", "stay"),
    [
        pytest.param(Retention(older_than=MONTH), ["1 days", "10 days"], id="age"),
        pytest.param(Retention(keep=1), ["1 days"], id="count"),
        pytest.param(
            Retention(older_than=MONTH, keep=3),
            ["1 days", "10 days", "40 days"],
            id="old ones among the newest",
        ),
        pytest.param(
            Retention(older_than=MONTH, keep=1),
            ["1 days", "10 days"],
            id="young ones beyond the newest",
        ),
        pytest.param(Retention(keep=0), [], id="none"),
        pytest.param(Retention(keep=99), list(BEGAN), id="more than there are"),
    ],
)
def test_what_stays(rule: Retention, stay: list[str]) -> None:
    assert sorted(retention.spared(BEGAN_SOMETIME, rule, NOW)) == sorted(stay)


@pytest.mark.parametrize("keep", [-1, 1.5, True, "3"])
def test_a_count_that_is_none_is_refused(keep: object) -> None:
    with pytest.raises(KitaruUsageError, match="keep"):
        retention.checked(None, keep)
