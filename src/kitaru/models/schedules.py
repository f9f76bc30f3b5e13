"""Schedules of deployed flows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from kitaru.models.base import Record


class Schedule(Record):
    """When a deployed flow starts by itself.

    Attributes:
        name: Its name; a project has one of each.
        flow: The flow, whose default version is started.
        every: When, as cron has it: minute, hour, day of the month, month, day of the week.
        timezone: On whose wall clock, such as `Europe/Berlin`.
        missed: What becomes of times at which nobody looked: `once` (one execution for all
            of them) or `skip` (none).
        inputs: Arguments of the flow, as JSON data.
        next_at: Its next time, in UTC; `None` while it is paused.
        last_at: The last time that was seen to, in UTC; `None` before the first.
        last_exec_id: The execution that was started last; `None` before the first.
        problem: Why none was started at the last time; `None` if one was.
        created_by: Who made it, as `user@host`; `None` if nobody noted it.
        created_at: When it was made, in UTC; `None` if nobody noted it.
    """

    name: str
    flow: str
    every: str
    timezone: str
    missed: Literal["once", "skip"] = "once"
    inputs: dict[str, Any] = Field(default_factory=dict)
    next_at: datetime | None = None
    last_at: datetime | None = None
    last_exec_id: str | None = None
    problem: str | None = None
    created_by: str | None = None
    created_at: datetime | None = None

    @property
    def is_paused(self) -> bool:
        """Whether it starts nothing until it is resumed."""
        return self.next_at is None
