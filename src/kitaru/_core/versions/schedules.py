"""A schedule of a deployed flow, and what becomes of a time that has come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from kitaru._core.versions import cron
from kitaru._core.words.similar import shorten
from kitaru.errors import KitaruUsageError
from kitaru.models import Schedule

Missed = Literal["once", "skip"]

# By whom an execution is found again that a schedule has started.
ATTRIBUTE = "schedule"
# Who looks every half minute is not late.
PATIENCE = timedelta(minutes=5)
_NAME = re.compile(r"\w[\w.-]{0,99}")


@dataclass(frozen=True, slots=True)
class ScheduleFacts:
    """A schedule as a store keeps it.

    Attributes:
        name: Its name, of which a project has one.
        flow: The flow whose default version it starts.
        every: When, as cron has it.
        timezone: On whose wall clock.
        missed: What becomes of times at which nobody looked.
        inputs: Arguments of the flow, as JSON data.
        created_by: Who made it, as `user@host`.
        created_at: When, in UTC.
        last_at: The last time that was seen to.
        last_exec_id: The execution that was started then.
        problem: Why none was; `None` if one was.
    """

    name: str
    flow: str
    every: str
    timezone: str
    missed: Missed
    inputs: Mapping[str, Any] = field(default_factory=dict)
    created_by: str | None = None
    created_at: datetime | None = None
    last_at: datetime | None = None
    last_exec_id: str | None = None
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON data."""
        moments = {
            name: value.isoformat()
            for name in _MOMENTS
            if (value := getattr(self, name)) is not None
        }
        kept = {name: getattr(self, name) for name in _FIELDS if name not in _MOMENTS}
        return {**kept, "inputs": dict(self.inputs), **moments}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ScheduleFacts:
        """Return what `to_dict` of this version or a newer one has written."""
        known = {name: value for name, value in data.items() if name in _FIELDS}
        for name in _MOMENTS:
            if known.get(name) is not None:
                known[name] = datetime.fromisoformat(known[name])
        return cls(**known)

    def key(self, at: datetime) -> str:
        """Return the key of the one execution that a time has."""
        return f"schedule {self.name} at {at.astimezone(UTC):%Y-%m-%dT%H:%MZ}"

    def next_after(self, moment: datetime) -> datetime:
        """Return its first time after a moment, in UTC."""
        return cron.after(self.every, self.timezone, moment)


_FIELDS = tuple(ScheduleFacts.__dataclass_fields__)
_MOMENTS = ("created_at", "last_at")


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule, and its next time; `None` while it is paused."""

    facts: ScheduleFacts
    at: datetime | None

    def described(self) -> Schedule:
        """Return the schedule as users see it."""
        said = {name: getattr(self.facts, name) for name in _FIELDS}
        return Schedule(**said | {"inputs": dict(self.facts.inputs)}, next_at=self.at)


def due_time(planned: Planned, now: datetime) -> datetime | None:
    """Return the time for which an execution is to start; `None` if it was missed.

    All times that have come since somebody looked are met by one execution, under the
    latest of them.
    """
    assert planned.at is not None  # who is paused is never due
    facts = planned.facts
    at = max(planned.at, cron.latest(facts.every, facts.timezone, now))
    return None if facts.missed == "skip" and now - at > PATIENCE else at


def checked_name(name: object) -> str:
    """Return the name of a schedule.

    Raises:
        KitaruUsageError: If it cannot be one.
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    raise KitaruUsageError(
        f"{shorten(name)} cannot be the name of a schedule: letters, digits and ._- make "
        "one, at most 100"
    )


def checked_missed(missed: object) -> Missed:
    """Return what becomes of missed times.

    Raises:
        KitaruUsageError: If it is none of the rules.
    """
    for rule in get_args(Missed):
        if missed == rule:
            return missed  # type: ignore[return-value]  # one of them
    raise KitaruUsageError(
        f"missed={shorten(missed)}: a time that was missed is met `once` by the next who "
        "looks, or `skip`ped"
    )
