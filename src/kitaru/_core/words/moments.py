"""Moments and spans of time as people write them: `2d`, `12h`, `2026-11-29T08:00Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from kitaru._core.words.similar import shorten
from kitaru.errors import KitaruUsageError

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(\d{1,9}) ?([smhdw])", re.ASCII)
_EXAMPLES = "30m, 12h, 2d or 1w"


def span(said: object, *, option: str) -> timedelta:
    """Return a span of time.

    Args:
        said: `30m`, `12h`, `2d`, `1w`, or a timedelta.
        option: What it was given as, for the refusal.

    Raises:
        KitaruUsageError: If it is none, or negative.
    """
    if isinstance(said, timedelta) and said >= timedelta(0):
        return said
    found = _SPAN.fullmatch(said.strip()) if isinstance(said, str) else None
    if found is None:
        raise KitaruUsageError(
            f"{option} must be a span of time such as {_EXAMPLES}, got {shorten(said)}"
        )
    return _seconds(found, said, option)


def moment(said: object, *, now: datetime, option: str) -> datetime:
    """Return a moment in UTC: that of a span ago, or the one that is named.

    Args:
        said: A span, a moment in ISO format, or a datetime; both with a time zone.
        now: When it is said.
        option: What it was given as, for the refusal.

    Raises:
        KitaruUsageError: If it is none of these, or has no time zone.
    """
    text = said.strip() if isinstance(said, str) else None
    if isinstance(said, timedelta) or (text and _SPAN.fullmatch(text)):
        ago = span(said, option=option)
        try:
            return now.astimezone(UTC) - ago
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    named = said if isinstance(said, datetime) else _read(text or "")
    if named is None:
        raise KitaruUsageError(
            f"{option} must be a span such as {_EXAMPLES}, or a moment such as "
            f"2026-11-29T08:00Z, got {shorten(said)}"
        )
    if named.tzinfo is None:
        raise KitaruUsageError(
            f"{option} has no time zone: {shorten(str(said))}; say UTC with a Z at the "
            "end, or +02:00"
        )
    return named.astimezone(UTC)


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _seconds(found: re.Match[str], said: object, option: str) -> timedelta:
    try:
        return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    except OverflowError:
        raise KitaruUsageError(f"{option} {shorten(said)} is too long") from None
