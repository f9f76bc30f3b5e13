"""P3: a long flow costs at its end what it costs at its beginning."""

from __future__ import annotations

from figures import Row, Sample
from lab import Lab

COUNT = 1000


def thousand(lab: Lab) -> list[Row]:
    """Compare the last hundred checkpoints with the first, and the memory."""
    store = lab.store()
    first: list[float] = []
    last: list[float] = []
    grown: list[float] = []
    empty: list[float] = []
    for _ in range(lab.count(3, 1)):
        empty.append(lab.python("trivial.py", 0, store=store).peak_mb)
        done = lab.python("trivial.py", COUNT, store=store)
        first += done.said["each"][:100]
        last += done.said["each"][-100:]
        grown.append(done.peak_mb)
    return [
        Row(
            "P3",
            f"checkpoint {COUNT - 100}-{COUNT}",
            Sample.of(last),
            "checkpoint 0-100",
            Sample.of(first),
            limit=1.2,
        ),
        Row(
            "P3",
            f"peak memory, {COUNT} checkpoints",
            Sample.of(grown),
            "empty flow",
            Sample.of(empty),
            rule="plus",
            limit=60,
            unit="MB",
        ),
    ]
