"""Wait for a condition, not for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# How long anything may take: on a machine with much else to do, too. No test gets slower
# by it, but one that fails.
DEADLINE = 240.0
_PAUSE = 0.02


def eventually(
    look: Callable[[], T],
    *,
    what: str | Callable[[], str],
    within: float = DEADLINE,
    pause: float = _PAUSE,
) -> T:
    """Return what `look` returns as soon as that is true."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            text = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {within:g} s: {text}")
        time.sleep(pause)
