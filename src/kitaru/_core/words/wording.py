"""How ids, counts, sizes and durations are put for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal


def short(execution_id: str) -> str:
    """Return the first eight characters, enough to name an execution in commands."""
    return execution_id[:8]


def size(count: int) -> str:
    """Return a number of bytes for people: `512 B`, `3.4 kB`, `12 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


def many(count: int, thing: str, several: str | None = None) -> str:
    """Return how many there are of a thing: `1 log`, `2 logs`, `3 tries`."""
    return f"{count} {thing if count == 1 else several or f'{thing}s'}"


def moment(at: datetime | None) -> str:
    """Return a moment for people: `2026-01-31 12:00:00 UTC`."""
    if at is None:
        return "an unknown time"
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def listed(things: Sequence[str]) -> str:
    """Return things as people list them: `a`, `a and b`, `a, b and c`."""
    *before, last = things
    return f"{', '.join(before)} and {last}" if before else last


def duration(seconds: float) -> str:
    """Return a duration for people: `<1 ms`, `12 ms`, `3.4 s`, `2 m 05 s`."""
    if seconds < 0.001:
        return "<1 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} m {rest:02d} s"


def money(amount: Decimal) -> str:
    """Return an amount in dollars: cents, or as many digits as a small one needs."""
    if amount == 0 or amount >= 1:
        return f"${amount:.2f}"
    # The first digits that tell something, never 1e-05.
    return f"${amount:.{max(2, 1 - amount.adjusted())}f}"
