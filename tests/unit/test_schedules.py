"""When flows start by themselves: times, zones, and what becomes of missed ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kitaru._core.versions import cron
from kitaru._core.versions.schedules import Planned, ScheduleFacts, due_time
from kitaru._engine.journal import due
from kitaru._engine.journal.journal import Journal
from kitaru._engine.runners.schedules import JournalSchedules
from kitaru._ops import deployments
from kitaru.errors import KitaruBackendError, KitaruUsageError
from kitaru.testing import FlowTester

BERLIN = "Europe/Berlin"
CODE = """
import kitaru

@kitaru.flow
def report(day: str = "today") -> str:
    return day
"""


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]  # seven at most


def facts(**wanted: str) -> ScheduleFacts:
    usual = {"name": "daily", "flow": "report", "every": "0 7 * * *", "timezone": "UTC"}
    return ScheduleFacts(**usual | {"missed": "once"} | wanted)  # type: ignore[arg-type]  # all texts


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.db")) as made:
        yield made


@pytest.fixture
def tester(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlowTester]:
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path / "config"))
    (tmp_path / "report.py").write_text(CODE)
    with FlowTester() as made:
        deployments.deploy("report.py:report", project=tmp_path)
        yield made


def started(tester: FlowTester) -> list[str]:
    """Return the times that executions were started for, as their keys name them."""
    found = [
        tester.client.executions.get(one.exec_id).key
        for one in tester.client.executions.list(limit=100)
    ]
    return sorted(str(key).partition(" at ")[2] for key in found)


# The clocks of Berlin: 2:00 becomes 3:00 on 2027-03-28, 3:00 becomes 2:00 on 2027-10-31.
CHANGES = [
    ("30 2 * * *", utc(2027, 3, 27, 12), ["03-28T01:00Z", "03-29T00:30Z"]),
    ("30 2 * * *", utc(2027, 10, 30, 12), ["10-31T00:30Z", "11-01T01:30Z"]),
    ("0 7 * * *", utc(2027, 3, 27, 12), ["03-28T05:00Z", "03-29T05:00Z"]),
    ("0 7 * * *", utc(2027, 10, 30, 12), ["10-31T06:00Z", "11-01T06:00Z"]),
    ("0 */12 * * *", utc(2027, 10, 30, 12), ["10-30T22:00Z", "10-31T11:00Z"]),
    ("0 7 * * 1-5", utc(2027, 10, 29, 12), ["11-01T06:00Z"]),
]


@pytest.mark.parametrize(("every", "begin", "wanted"), CHANGES)
def test_a_schedule_goes_by_the_wall_clock_of_its_zone(
    tester: FlowTester, every: str, begin: datetime, wanted: list[str]
) -> None:
    schedules = tester.client.schedules
    schedules.create(flow="report", every=every, timezone=BERLIN)
    schedules.pause("report")
    tester.advance(begin - tester.now)
    schedules.resume("report")

    while len(started(tester)) < len(wanted):
        tester.advance(timedelta(hours=1))

    assert started(tester) == [f"2027-{time}" for time in wanted]


def test_a_schedule_starts_the_default_version_with_its_inputs(
    tester: FlowTester,
) -> None:
    made = tester.client.schedules.create(
        flow="report", every="*/5 * * * *", inputs={"day": "monday"}, name="often"
    )
    tester.advance(timedelta(minutes=5))

    (one,) = tester.client.executions.list(where={"schedule": "often"})
    (kept,) = tester.client.schedules.list()
    assert tester.client.executions.get(one.exec_id).result == "monday"
    assert (kept.last_exec_id, kept.last_at) == (one.exec_id, made.next_at)
    assert kept.next_at is not None
    assert kept.next_at > tester.now


def test_what_cannot_start_is_told_and_the_schedule_goes_on(
    tester: FlowTester,
) -> None:
    tester.client.schedules.create(flow="report", every="*/5 * * * *")
    tester.client.deployments.delete(flow="report", version=1)
    tester.advance(timedelta(minutes=5))

    (kept,) = tester.client.schedules.list()
    assert kept.problem is not None
    assert "report" in kept.problem
    assert kept.next_at is not None
    assert kept.next_at > tester.now
    assert tester.client.executions.list() == []


NOW = utc(2026, 11, 30, 12)


@pytest.mark.parametrize(
    ("missed", "at", "now", "wanted"),
    [
        ("once", utc(2026, 11, 30, 7), NOW, utc(2026, 11, 30, 7)),
        ("once", utc(2026, 11, 2, 7), NOW, utc(2026, 11, 30, 7)),
        ("skip", utc(2026, 11, 30, 7), NOW, None),
        ("skip", utc(2026, 11, 30, 7), utc(2026, 11, 30, 7, 4), utc(2026, 11, 30, 7)),
        # Days were missed, and the last time was not.
        ("skip", utc(2026, 11, 2, 7), utc(2026, 11, 30, 7, 4), utc(2026, 11, 30, 7)),
    ],
)
def test_missed_times_are_met_once_or_skipped(
    missed: str, at: datetime, now: datetime, wanted: datetime | None
) -> None:
    assert due_time(Planned(facts(missed=missed), at), now) == wanted


@pytest.mark.parametrize(
    "every",
    ["", "* * *", "@daily", "0 7 * * * *", "61 * * * *", "0 0 30 2 *", "x" * 999],
)
def test_what_is_no_schedule_is_refused_with_an_example(every: str) -> None:
    with pytest.raises(KitaruUsageError, match=r"0 7 \* \* 1-5"):
        cron.checked(every)


@pytest.mark.parametrize(
    "name", ["", "Berlin", "../../etc/passwd", "/etc/passwd", "a\0b"]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(KitaruUsageError, match="there is no time zone"):
        cron.zone(name)


def test_a_journal_keeps_schedules_of_projects_apart(journal: Journal) -> None:
    ours, theirs = (
        JournalSchedules(journal, "ours"),
        JournalSchedules(journal, "theirs"),
    )
    past = NOW - timedelta(days=1)
    ours.put(facts(), past)
    theirs.put(facts(every="1 1 * * *"), None)

    assert ours.find() == ours.due() == [Planned(facts(), past)]
    assert [one.at for one in theirs.find()] == [None]
    # They are of no execution that somebody could look at.
    assert due.until(journal, due.now()) == []
    assert not theirs.delete("hourly")
    assert ours.delete("daily")
    assert (ours.find(), ours.due()) == ([], [])
    assert [one.facts.every for one in theirs.find()] == ["1 1 * * *"]


def test_a_schedule_moves_once_from_what_was_seen(journal: Journal) -> None:
    schedules = JournalSchedules(journal, "ours")
    schedules.put(facts(), NOW)
    (seen,) = schedules.find()
    later = NOW + timedelta(days=1)

    moved = [schedules.move(seen, facts(), later) for _ in range(2)]

    assert moved == [True, False]
    assert [one.at for one in schedules.find()] == [later]


@pytest.mark.parametrize("table", ["schedules", "due"])
def test_a_schedule_that_is_not_as_it_was_written_starts_nothing(
    journal: Journal, table: str
) -> None:
    schedules = JournalSchedules(journal, "ours")
    schedules.put(facts(), NOW - timedelta(days=30))
    with closing(sqlite3.connect(journal.path)) as behind:
        behind.execute(
            "UPDATE schedules SET body = replace(body, '0 7', '0 8')"
            if table == "schedules"
            else "UPDATE due SET at = at - 60"
        )
        behind.commit()

    with pytest.raises(
        KitaruBackendError, match=r"'daily' is not .* as it was written"
    ):
        schedules.find()
    assert schedules.delete("daily")
    assert schedules.find() == []
