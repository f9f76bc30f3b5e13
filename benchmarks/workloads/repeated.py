"""P13: the second and later executions of one process."""

from __future__ import annotations

from itertools import pairwise

from benchmarks.figures import Findings, Measured, Row
from benchmarks.lab import Finished, Lab
from benchmarks.sides import side

RUNS = 6


def second_runs(lab: Lab) -> Findings:
    """The second and later `.run()` of one checkpoint."""
    ours, stock = lab.store(), lab.store(stock=True)
    done = lab.in_turns(
        lab.count(4, 1),
        {
            "Kitaru": lambda: lab.python("trivial.py", 1, RUNS, store=ours),
            "stock": lambda: lab.python("stock.py", 1, RUNS, store=stock),
        },
    )

    def results(name: str) -> Measured:
        return side(name, [taken for run in done[name] for taken in _later(run)])

    def records(name: str) -> Measured:
        return side(name, [_to_the_end(run) for run in done[name]])

    return Findings(
        [
            Row(
                "P13",
                "second and later run, one checkpoint",
                results("Kitaru"),
                results("stock"),
                limit=0.5,
            ),
            Row(
                "P13",
                "the same, to the full record",
                records("Kitaru"),
                records("stock"),
            ),
        ]
    )


def _later(run: Finished) -> list[float]:
    """Return the seconds of each run but the first."""
    return [end - begin for begin, end in pairwise(run.said["ends"])][1:]


def _to_the_end(run: Finished) -> float:
    """Return the seconds of a run if the end of the process counts."""
    _, first, *_ = run.said["ends"]
    taken: float = run.began + run.seconds - first
    return taken / (RUNS - 1)
