"""P13: the second and later executions of one process."""

from __future__ import annotations

from figures import Row, Sample
from lab import Lab


def second_runs(lab: Lab) -> list[Row]:
    """Compare `.run()` of one checkpoint with a pipeline of one step."""
    ours, stock = lab.store(), lab.store(stock=True)
    taken: list[float] = []
    reference: list[float] = []
    for _ in range(lab.count(3, 1)):
        taken += lab.python("trivial.py", 1, 6, store=ours).said["runs"][1:]
        reference += lab.python("stock.py", 1, 6, store=stock).said["runs"][1:]
    return [
        Row(
            "P13",
            "second and later run, one checkpoint",
            Sample.of(taken),
            "ZenML pipeline",
            Sample.of(reference),
            limit=0.5,
        )
    ]
