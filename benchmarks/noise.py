"""How much of the machine others used while something was measured."""

from __future__ import annotations

import resource
import time

import psutil

# Also counted as others: processes that ours started and left to themselves.
TOO_MUCH = 0.25
_IDLE = ("idle", "iowait")


class Neighbours:
    """Watches the processors from its beginning until it is asked."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._busy, self._own = _busy(), _own()

    def share(self) -> float:
        """Return which part of all processors other processes had, 0 to 1."""
        cores = psutil.cpu_count() or 1
        there = (time.monotonic() - self._began) * cores
        others = (_busy() - self._busy) - (_own() - self._own)
        return round(min(max(others / there, 0.0), 1.0), 2)


def _busy() -> float:
    times: dict[str, float] = psutil.cpu_times()._asdict()
    # Guests are counted in the time of their host already.
    return sum(
        seconds
        for kind, seconds in times.items()
        if kind not in _IDLE and not kind.startswith("guest")
    )


def _own() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(
            resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
    )
