"""The table people read, and the file programs read."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from figures import Row, Sample

_HEADINGS = ("", "workload", "median", "spread", "n", "reference", "median", "n")
_HEADINGS += ("ratio", "target", "met")
_RIGHT = {2, 4, 6, 7, 8}


def shown(value: float, unit: str) -> str:
    """Return a value with three digits that matter, and its unit."""
    if unit != "s":
        return f"{value:.3g} {unit}"
    if value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.2f} s"


def table(rows: Sequence[Row]) -> str:
    """Return all rows as aligned text."""
    lines = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADINGS))]
    return "\n".join(_aligned(line, widths) for line in lines)


def write(path: Path, rows: Sequence[Row], *, quick: bool) -> None:
    """Write everything that was measured as JSON."""
    data = {
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "quick": quick,
        "rows": [row.to_dict() for row in rows],
    }
    path.write_text(json.dumps(data, indent=1) + "\n")


def _cells(row: Row) -> tuple[str, ...]:
    reference = row.reference
    met = {True: "yes", False: "NO", None: ""}[row.met]
    return (
        row.key,
        row.what,
        shown(row.sample.median, row.unit),
        _spread(row.sample, row.unit),
        str(row.sample.n),
        row.reference_name,
        shown(reference.median, row.unit) if reference else "",
        str(reference.n) if reference else "",
        f"{row.ratio:.2f}" if row.ratio is not None else "",
        _target(row),
        met,
    )


def _spread(sample: Sample, unit: str) -> str:
    low, high = sample.spread
    return f"{shown(low, unit)} .. {shown(high, unit)}"


def _target(row: Row) -> str:
    if row.limit is None:
        return ""
    if row.rule == "times":
        return f"<= {row.limit:.3g} x"
    sign = "+" if row.rule == "plus" else ""
    return f"<= {sign}{shown(row.limit, row.unit)}"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell.rjust(width) if i in _RIGHT else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(line, widths, strict=True))
    )
    return "  ".join(cells).rstrip()
