"""The clock that waits go by in memory: the system's, or one that a test sets."""

from __future__ import annotations

from datetime import UTC, datetime


class VirtualClock:
    """Stands still until it is moved on."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def __call__(self) -> datetime:
        """Return the time it shows, in UTC."""
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Show a later time; it never goes back."""
        self._now = max(self._now, moment)
