"""Measure Kitaru beside its references: one command, one table, one JSON file.

`make bench`, or `python benchmarks/run.py [--quick] [--only P1,P7]`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import report
from figures import Row
from lab import Lab
from workloads import (
    agents,
    checkpoints,
    commands,
    fan_out,
    long_flows,
    recovery,
    repeated,
    replays,
    values,
    waits,
)

_RESULTS = Path(__file__).with_name("results.json")

WORKLOADS: dict[str, Callable[[Lab], list[Row]]] = {
    "P1": checkpoints.one_checkpoint,
    "P2": checkpoints.cold_hundred,
    "P3": long_flows.thousand,
    "P4": fan_out.fifty_sleeps,
    "P5": values.large_values,
    "P6": recovery.killed,
    "P7": waits.runner_alive,
    "P8": waits.runner_gone,
    "P9": replays.near_the_end,
    "P10": commands.imports,
    "P11": commands.long_list,
    "P13": repeated.second_runs,
    "P14": agents.model_calls,
}


def main() -> int:
    """Run what was asked for."""
    options = _options()
    rows: list[Row] = []
    lab = Lab(quick=options.quick)
    try:
        for name in options.only:
            began = time.monotonic()
            rows += WORKLOADS[name](lab)
            _tell(f"{name} took {time.monotonic() - began:.0f} s")
    finally:
        lab.close()
        if rows:
            print(report.table(rows))
            report.write(_RESULTS, rows, quick=options.quick)
            _tell(f"everything measured is in {_RESULTS.name}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--only", default=",".join(WORKLOADS), help="such as P1,P7")
    options = parser.parse_args()
    options.only = options.only.upper().split(",")
    unknown = [name for name in options.only if name not in WORKLOADS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(WORKLOADS)}")
    return options


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
