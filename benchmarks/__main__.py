"""Measure Kitaru beside its references: `make bench`, or `python -m benchmarks`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable

from benchmarks import environment, results
from benchmarks.figures import Findings
from benchmarks.lab import Lab
from benchmarks.noise import TOO_MUCH, Neighbours
from benchmarks.results import Measurement, Results
from benchmarks.table import table
from benchmarks.workloads import (
    agents,
    checkpoints,
    commands,
    fan_out,
    lightness,
    long_flows,
    recovery,
    repeated,
    replays,
    servers,
    values,
    waiting,
    waits,
)

WORKLOADS: dict[str, Callable[[Lab], Findings]] = {
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
    "P12": waiting.two_hundred,
    "P13": repeated.second_runs,
    "P14": agents.model_calls,
    "P15": lightness.cold_process,
    "P16": recovery.by_retry,
    "P17": lightness.commands,
    "P18": lightness.memory,
    "P19": lightness.warm_runs,
    "P20": lightness.first_run,
    "P22": servers.through_a_server,
}


def main() -> int:
    """Measure what was asked for; Ctrl-C leaves what is finished."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    left: list[str] = list(options.only)
    failed: list[str] = []
    found: Results | None = None
    lab = Lab(quick=options.quick)
    try:
        found = _begin(lab, quick=options.quick, keep=options.only != [*WORKLOADS])
        lab.warm()
        while left:
            if not _measure(lab, found, left[0]):
                failed.append(left[0])
            left.pop(0)
    except KeyboardInterrupt:
        lab.tell(f"stopped; the rest is: --only {','.join(left)}")
        return 130
    finally:
        lab.close()
        if found is not None and found.workloads:
            print(table(found.rows))
            lab.tell(f"everything measured is in benchmarks/{results.PATH.name}")
    if failed:
        lab.tell(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _begin(lab: Lab, *, quick: bool, keep: bool) -> Results:
    """Return what to add to: earlier results of the same commit and machine, or none."""
    here = environment.look(lab.root, lab.other_python)
    lab.tell(
        f"{here.cpu}, {here.cores} cores, {here.system}, Python {here.python}, commit "
        f"{here.commit}, flush {here.flush_ms:.3g} ms, load {here.load}"
    )
    if lab.other_python is None:
        lab.tell("DBOS and LangGraph are not installed here: their rows are left out")
    new = Results(here, quick)
    if not keep or not results.PATH.exists():
        return new
    try:
        old = Results.read(results.PATH)
    except ValueError as error:
        lab.tell(f"{error}: begin anew")
        return new
    if not old.belongs_to(new):
        lab.tell("what is there is of another commit, machine or mode: begin anew")
        return new
    lab.tell(f"added to the results of {', '.join(old.workloads)}")
    return Results(here, quick, old.workloads)


def _measure(lab: Lab, found: Results, key: str) -> bool:
    """Measure one workload and write it down; tell whether it could be."""
    workload = WORKLOADS[key]
    sentence = (workload.__doc__ or "").rstrip(".")
    lab.title = f"{key} {sentence}"
    began, neighbours = time.monotonic(), Neighbours()
    try:
        findings = workload(lab)
    except (RuntimeError, TimeoutError, AssertionError, OSError) as error:
        lab.tell(f"{lab.title}: {type(error).__name__}: {error}")
        return False
    seconds, others = time.monotonic() - began, neighbours.share()
    found.workloads[key] = Measurement(findings, seconds, others)
    found.write(results.PATH)
    lab.tell(f"{lab.title}: {seconds:.0f} s")
    if others > TOO_MUCH:
        lab.tell(f"other processes used {others:.0%} of the machine: expect noise")
    return True


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").partition(":")[0]
    )
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument(
        "--only",
        default=",".join(WORKLOADS),
        help="such as P1,P7; added to results of the same commit and machine",
    )
    options = parser.parse_args()
    options.only = options.only.upper().split(",")
    unknown = [name for name in options.only if name not in WORKLOADS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(WORKLOADS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
