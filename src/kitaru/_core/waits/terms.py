"""When a wait is over by itself, and what comes of it then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from kitaru._core.flows.specs import Default, Expires, WaitKind
from kitaru._core.waits.answered import CLOCK, Answer
from kitaru._core.words.wording import moment
from kitaru.errors import KitaruUsageError
from kitaru.models import PendingWait


@dataclass(frozen=True, slots=True)
class Terms:
    """What is fixed when a wait is opened, beside what is asked."""

    kind: WaitKind = "question"
    expires_at: datetime | None = None
    default: Default | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return them as JSON data."""
        data: dict[str, Any] = {"kind": self.kind}
        if self.expires_at is not None:
            data["at"] = self.expires_at.isoformat()
        if self.default is not None:
            data["default"] = self.default.value
        return data

    @classmethod
    def from_dict(cls, data: object) -> Terms:
        """Return what `to_dict` wrote; waits of older versions have none."""
        if not isinstance(data, Mapping):
            return cls()
        at = data.get("at")
        return cls(
            kind=cast("WaitKind", data.get("kind", "question")),
            expires_at=datetime.fromisoformat(at) if at else None,
            default=Default(data["default"]) if "default" in data else None,
        )

    def is_taken_over(self, reuse_waits: bool) -> bool:
        """Whether a replay takes its outcome from the source: a timer is no decision."""
        return reuse_waits or self.kind == "timer"

    def is_over(self, now: datetime) -> bool:
        """Whether nobody needs to answer any more."""
        return self.expires_at is not None and self.expires_at <= now

    def outcome(self) -> Answer:
        """Return what comes of the wait when its time is over."""
        if self.default is None:
            return Answer(over="expired", surface=CLOCK, at=self.expires_at)
        return Answer(
            self.default.value, over="default", surface=CLOCK, at=self.expires_at
        )


def seconds_or_moment(expires: float | timedelta | datetime) -> Expires:
    """Return a span or a moment of what users give."""
    if isinstance(expires, timedelta | datetime):
        return expires
    return timedelta(seconds=expires)


def fixed(
    name: str,
    kind: WaitKind,
    expires: Expires | None,
    default: Default | None,
    now: datetime,
) -> Terms:
    """Return the terms of a wait that is opened now.

    Raises:
        KitaruUsageError: If its time would be over already; a timer may begin so late.
    """
    if expires is None:
        return Terms(kind, None, default)
    if isinstance(expires, timedelta):
        at = now + expires
    elif expires <= now and kind != "timer":
        raise KitaruUsageError(
            f"wait {name!r}: expires={expires.isoformat()} is in the past, it is "
            f"{moment(now)}; give a later moment, or seconds from now"
        )
    else:
        at = expires
    return Terms(kind, at.astimezone(UTC), default)


_RANKS: dict[WaitKind, int] = {"breakpoint": 0, "question": 1, "timer": 2}


def foremost(waits: Sequence[PendingWait]) -> PendingWait | None:
    """Return the wait that people are to hear of first, of several that are open.

    At a breakpoint the flow stands still, whatever it has asked; a timer needs nobody.
    """
    return min(waits, key=lambda wait: _RANKS[wait.kind], default=None)
