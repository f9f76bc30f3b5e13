"""P4: checkpoints side by side."""

from __future__ import annotations

from figures import Row, Sample
from lab import Lab


def fifty_sleeps(lab: Lab) -> list[Row]:
    """Compare `.map` with a bare pool of threads."""
    said = lab.python("fan_out.py", lab.count(9, 3), store=lab.store()).said
    return [
        Row(
            "P4",
            "50 x 50 ms by .map",
            Sample.of(said["map"]),
            "ThreadPoolExecutor(10)",
            Sample.of(said["bare"]),
            limit=1.5,
        )
    ]
