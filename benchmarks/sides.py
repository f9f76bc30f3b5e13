"""From finished processes to one side of a comparison."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.figures import Measured, Sample
from benchmarks.lab import Finished

NAMES = {
    "kitaru": "Kitaru",
    "floor": "flushed commit",
    "stock": "ZenML",
    "DBOS": "DBOS, SQLite",
    "LangGraph": "LangGraph, SqliteSaver",
}
IMPORT = "import zenml"


def side(
    name: str,
    values: Sequence[float],
    *,
    full: Sequence[Finished] = (),
    empty: Sequence[Finished] = (),
    checkpoints: int = 0,
) -> Measured:
    """Return a sample, with what the processes cost that made it.

    Args:
        name: What was measured; the known names are spelled out.
        values: The measurements.
        full: The processes; they tell the memory.
        empty: The same without checkpoints; both tell the CPU time of one.
        checkpoints: How many the full ones made.
    """
    cpu_ms = None
    if full and empty and checkpoints:
        more = _median_cpu(full) - _median_cpu(empty)
        cpu_ms = round(more * 1000 / checkpoints, 3)
    peak = statistics.median(done.peak_mb for done in full) if full else None
    return Measured(
        NAMES.get(name, name), Sample.of(values), cpu_ms, peak and round(peak, 1)
    )


def seconds(done: Sequence[Finished]) -> list[float]:
    """Return how long each process took, from its start to its end."""
    return [process.seconds for process in done]


def to_result(done: Sequence[Finished]) -> list[float]:
    """Return how long each process took to the result of its flow."""
    return [process.to_result for process in done]


def said(done: Sequence[Finished], key: str) -> list[float]:
    """Return all values the processes gave under a key."""
    return [value for process in done for value in process.said[key]]


def _median_cpu(done: Sequence[Finished]) -> float:
    return statistics.median(process.cpu for process in done)
