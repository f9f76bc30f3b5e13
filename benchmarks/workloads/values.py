"""P5: large results."""

from __future__ import annotations

from benchmarks.figures import Findings, Row
from benchmarks.lab import Lab
from benchmarks.sides import said, side

_MB = 1_000_000


def large_values(lab: Lab) -> Findings:
    """Large results, made by one checkpoint and read by the next."""
    rows = []
    for megabytes, times in ((1, lab.count(20, 5)), (50, lab.count(8, 3))):
        done = lab.python("large.py", megabytes * _MB, times, store=lab.store())
        rows.append(
            Row(
                "P5",
                f"{megabytes} MB result, read by the next",
                side("Kitaru", said([done], "flow"), full=[done]),
                side("write, flush, read", said([done], "floor")),
                limit=2.0,
            )
        )
    return Findings(rows)
