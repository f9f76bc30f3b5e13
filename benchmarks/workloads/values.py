"""P5: large results."""

from __future__ import annotations

from figures import Row, Sample
from lab import Lab

_MB = 1_000_000


def large_values(lab: Lab) -> list[Row]:
    """Compare making and reading a large result with the disk alone."""
    rows = []
    for megabytes, times in ((1, lab.count(15, 5)), (50, lab.count(7, 3))):
        said = lab.python("large.py", megabytes * _MB, times, store=lab.store()).said
        rows.append(
            Row(
                "P5",
                f"{megabytes} MB result, read by the next",
                Sample.of(said["flow"]),
                "write + fsync + read",
                Sample.of(said["floor"]),
                limit=2.0,
            )
        )
    return rows
