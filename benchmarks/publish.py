"""From the JSON file to the documentation: tables, pictures, and the file itself.

`make bench-report`, or `python -m benchmarks.publish`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import charts, results
from benchmarks.figures import Measured, Row
from benchmarks.noise import TOO_MUCH
from benchmarks.results import Results
from benchmarks.table import shown, target
from benchmarks.workloads.long_flows import PART

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
FOLDER = ROOT / "docs" / "measured"
BEGIN, END = (
    "<!-- measured: `make bench-report` writes this -->",
    "<!-- measured: end -->",
)


def main() -> int:
    """Write what the documentation shows; say which targets were missed."""
    if not results.PATH.exists():
        print("nothing was measured yet; run: make bench", file=sys.stderr)
        return 1
    found = Results.read(results.PATH)
    FOLDER.mkdir(exist_ok=True)
    shutil.copyfile(results.PATH, FOLDER / results.PATH.name)
    for name, picture in pictures(found).items():
        (FOLDER / name).write_text(picture)
    PAGE.write_text(with_section(PAGE.read_text(), section(found)))
    for row in found.rows:
        if row.met is False:
            print(f"missed, to be explained in {PAGE.name}: {row.key} {row.what}")
    return 0


def with_section(page: str, text: str) -> str:
    """Return the page with other text between its two marks."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} needs the lines {BEGIN!r} and {END!r}")
    return f"{head}{BEGIN}\n\n{text}\n{END}{tail}"


def section(found: Results) -> str:
    """Return what the page says about one measurement."""
    shown_there = [
        f"![{title}](measured/{name})\n"
        for name, (title, _) in _drawings(found).items()
    ]
    parts = [
        _where(found),
        *shown_there,
        _comparison(found.rows),
        _costs(found.rows),
    ]
    return "\n".join(part for part in parts if part)


def pictures(found: Results) -> dict[str, str]:
    """Return the pictures by the names of their files, as far as they were measured."""
    return {name: draw(title) for name, (title, draw) in _drawings(found).items()}


def _drawings(found: Results) -> dict[str, tuple[str, Callable[[str], str]]]:
    """Return title and drawing of each picture there is."""
    drawn: dict[str, tuple[str, Callable[[str], str]]] = {}
    checkpoint = _sides(row for row in found.rows if row.key == "P1")
    if checkpoint:
        title = "Time of one durable checkpoint: median and quartiles, logarithmic"
        drawn["checkpoint.svg"] = title, partial(charts.dots, sides=checkpoint)
    recovery = _sides(row for row in found.rows if row.what.startswith("killed"))
    if recovery:
        title = "kill -9 in step 38 of 40: time of a new process to finish the rest"
        drawn["recovery.svg"] = title, partial(charts.bars, sides=recovery)
    if "P3" in found.workloads:
        title = "One durable checkpoint after so many others: median"
        lines = found.workloads["P3"].findings.curves
        draw = partial(charts.curves, found=lines, each=PART)
        drawn["growth.svg"] = title, draw
    return drawn


def _where(found: Results) -> str:
    here = found.environment
    versions = ", ".join(f"{name} {number}" for name, number in here.versions.items())
    others = max(done.others for done in found.workloads.values())
    gone = (
        ""
        if "dbos" in here.versions
        else " DBOS and LangGraph are left out: not installed."
    )
    few = " Few repetitions (`--quick`)." if found.quick else ""
    busy = " **The machine was busy: a draft.**" if others > TOO_MUCH else ""
    return (
        f"{here.cpu}, {here.cores} cores, {here.system}; appending 4 kB to a file and "
        f"flushing it takes {here.flush_ms:.2g} ms. Python {here.python}, SQLite {here.sqlite}, "
        f"{versions}. Commit `{here.commit}`. Load before it began: {here.load:g}; other "
        f"processes used {others:.0%} of the machine at most.{gone}{few}{busy}\n"
    )


def _comparison(rows: Sequence[Row]) -> str:
    lines = [
        "| | workload | Kitaru | n | reference | | ratio | target | met |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    before: Row | None = None
    for row in rows:
        same = before is not None and (before.key, before.what) == (row.key, row.what)
        ours = ("", "", "", "") if same else _ours(row)
        theirs = row.reference
        lines.append(
            _line(
                *ours,
                theirs.name if theirs else "",
                shown(theirs.sample.median, row.unit) if theirs else "",
                f"{row.ratio:.3g}" if row.ratio is not None else "",
                target(row).replace("<=", "≤"),
                {True: "yes", False: "**no**", None: ""}[row.met],
            )
        )
        before = row
    return "\n".join(lines) + "\n"


def _ours(row: Row) -> tuple[str, str, str, str]:
    sample = row.ours.sample
    low, high = (shown(value, row.unit) for value in sample.spread)
    between = "" if low == high else f" ({low} to {high})"
    return row.key, row.what, shown(sample.median, row.unit) + between, str(sample.n)


def _costs(rows: Iterable[Row]) -> str:
    """Return what a checkpoint costs the machine, for each framework."""
    counted = [
        side
        for side in _sides(row for row in rows if row.key == "P1")
        if side.cpu_ms is not None
    ]
    if not counted:
        return ""
    return "\n".join(
        [
            "| 100 checkpoints (ZenML: 10 steps) | CPU time of one | peak memory of the process |",
            "|---|---|---|",
            *(
                _line(side.name, f"{side.cpu_ms:.2g} ms", f"{side.peak_mb:.0f} MB")
                for side in counted
            ),
            "",
        ]
    )


def _sides(rows: Iterable[Row]) -> list[Measured]:
    """Return all sides of some rows, ours first, each once."""
    found: dict[str, Measured] = {}
    for row in rows:
        for side in (row.ours, row.reference):
            if side is not None:
                found.setdefault(side.name, side)
    return list(found.values())


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
