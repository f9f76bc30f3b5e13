"""P3: a long flow costs at its end what it costs at its beginning."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.figures import Findings, Row
from benchmarks.lab import Finished, Lab
from benchmarks.sides import NAMES, seconds, side, to_result

COUNT = 1000
PART = 100


def thousand(lab: Lab) -> Findings:
    """The last hundred of 1000 checkpoints beside the first, and the memory."""
    store, folder = lab.store(), lab.folder()
    done = lab.in_turns(
        lab.count(3, 1),
        {
            "empty": lambda: lab.python("trivial.py", 0, store=store),
            "kitaru": lambda: lab.python("trivial.py", COUNT, store=store),
        }
        | lab.by_others("steps", COUNT, folder=folder),
    )
    long, empty = done["kitaru"], done["empty"]
    first, *_, last = _parts(long)
    rows = [
        Row(
            "P3",
            f"checkpoint {COUNT - PART}-{COUNT}",
            side("Kitaru", last, full=long, empty=empty, checkpoints=COUNT),
            side(f"checkpoint 0-{PART}", first),
            limit=1.2,
        ),
        Row(
            "P3",
            f"peak memory, {COUNT} checkpoints",
            side("Kitaru", [process.peak_mb for process in long]),
            side("empty flow", [process.peak_mb for process in empty]),
            rule="plus",
            limit=60,
            unit="MB",
        ),
    ]
    whole = side("Kitaru", seconds(long), full=long)
    for name in lab.others:
        reference = side(name, to_result(done[name]), full=done[name])
        rows.append(Row("P3", f"{COUNT} checkpoints, cold process", whole, reference))
    curves = {
        NAMES.get(name, "Kitaru"): [statistics.median(part) for part in _parts(runs)]
        for name, runs in done.items()
        if name != "empty"
    }
    return Findings(rows, curves)


def _parts(runs: Sequence[Finished]) -> list[list[float]]:
    """Return the seconds of each hundred checkpoints, of all runs together."""
    return [
        [value for run in runs for value in run.said["each"][start : start + PART]]
        for start in range(0, COUNT, PART)
    ]
