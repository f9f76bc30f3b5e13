"""Schedules of deployed flows, as an engine keeps them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from kitaru._core.versions.schedules import Planned, ScheduleFacts


class Schedules(Protocol):
    """The schedules of the connected project."""

    def now(self) -> datetime:
        """Return the time that schedules go by, in UTC."""
        ...

    def find(self) -> list[Planned]:
        """Return all schedules, by name.

        Raises:
            KitaruBackendError: If one is not as it was written; names it.
        """
        ...

    def due(self) -> list[Planned]:
        """Return those whose time has come, the earliest first."""
        ...

    def put(self, facts: ScheduleFacts, at: datetime | None) -> None:
        """Make a schedule, or put it in place of the one of that name.

        Args:
            facts: The schedule.
            at: Its next time; `None` for a paused one.
        """
        ...

    def move(self, seen: Planned, facts: ScheduleFacts, at: datetime | None) -> bool:
        """Change a schedule that is as it was seen; false if it is not any more."""
        ...

    def delete(self, name: str) -> bool:
        """Remove a schedule; false if there is none of that name."""
        ...
