"""P4: checkpoints side by side."""

from __future__ import annotations

from benchmarks.figures import Findings, Row
from benchmarks.lab import Lab
from benchmarks.sides import said, side

COUNT = 50


def fifty_sleeps(lab: Lab) -> Findings:
    """50 checkpoints that sleep 50 ms, ten at a time."""
    ours, stock, folder = lab.store(), lab.store(stock=True), lab.folder()
    times = 4
    done = lab.in_turns(
        lab.count(3, 1),
        {
            "pool": lambda: lab.python("pool.py", times, COUNT, store=folder),
            "kitaru": lambda: lab.python("fan_out.py", times, COUNT, store=ours),
            "stock": lambda: lab.python("stock_fan_out.py", 1, COUNT, store=stock),
        }
        | lab.by_others("fan_out", times, COUNT, folder=folder),
    )
    taken = {name: said(runs, "each") for name, runs in done.items()}
    what = f"{COUNT} x 50 ms by .map"
    ours_side = side("Kitaru", taken["kitaru"], full=done["kitaru"])
    rows = [
        Row("P4", what, ours_side, side("ThreadPoolExecutor", taken["pool"]), limit=1.5)
    ]
    for name in (*lab.others, "stock"):
        reference = side(name, taken[name], full=done[name])
        rows.append(Row("P4", what, ours_side, reference))
    return Findings(rows)
