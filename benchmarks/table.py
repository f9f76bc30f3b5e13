"""The table people read in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figures import Measured, Row

_OURS = ("", "workload", "median", "spread", "n", "CPU", "RSS")
_THEIRS = ("reference", "median", "n", "CPU", "RSS")
_HEADINGS = (*_OURS, *_THEIRS, "ratio", "target", "met")
_RIGHT = {2, 4, 5, 6, 8, 9, 10, 11, 12}


def shown(value: float, unit: str) -> str:
    """Return a value with three digits that matter, and its unit."""
    if unit != "s":
        return f"{value:.3g} {unit}"
    if value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.2f} s"


def target(row: Row) -> str:
    """Return what a row should be, such as `<= 2 x`; empty if it is for information."""
    if row.limit is None:
        return ""
    if row.rule == "times":
        part = f"1/{1 / row.limit:.3g}" if row.limit < 1 else f"{row.limit:.3g}"
        return f"<= {part} x"
    sign = "+" if row.rule == "plus" else ""
    return f"<= {sign}{shown(row.limit, row.unit)}"


def table(rows: Sequence[Row]) -> str:
    """Return all rows as aligned text."""
    lines = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADINGS))]
    return "\n".join(_aligned(line, widths) for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    reference = row.reference
    return (
        row.key,
        row.what,
        shown(row.ours.sample.median, row.unit),
        _spread(row),
        str(row.ours.sample.n),
        *_cost(row.ours),
        reference.name if reference else "",
        shown(reference.sample.median, row.unit) if reference else "",
        str(reference.sample.n) if reference else "",
        *(_cost(reference) if reference else ("", "")),
        f"{row.ratio:.2f}" if row.ratio is not None else "",
        target(row),
        {True: "yes", False: "NO", None: ""}[row.met],
    )


def _cost(side: Measured) -> tuple[str, str]:
    """Return CPU per checkpoint and peak memory, as far as they were measured."""
    return (
        "" if side.cpu_ms is None else f"{side.cpu_ms:.2g} ms",
        "" if side.peak_mb is None else f"{side.peak_mb:.0f} MB",
    )


def _spread(row: Row) -> str:
    low, high = row.ours.sample.spread
    return f"{shown(low, row.unit)} .. {shown(high, row.unit)}"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell.rjust(width) if i in _RIGHT else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(line, widths, strict=True))
    )
    return "  ".join(cells).rstrip()
