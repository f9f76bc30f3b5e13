"""P12: executions that wait cost nothing but their place in a list."""

from __future__ import annotations

from benchmarks.figures import Findings, Row
from benchmarks.lab import Lab, database_of, query
from benchmarks.sides import IMPORT, seconds, side


def two_hundred(lab: Lab) -> Findings:
    """200 executions that wait: the processes left for them, and a list of all."""
    store, count = lab.store(), lab.count(200, 20)
    lab.python("waiting.py", count, store=store)
    rows = query(database_of(store), "SELECT status FROM pipeline_run")
    assert rows == [("paused",)] * count
    alive = float(len(lab.living(store)))
    listing = ("executions", "list", "--status", "waiting", "--limit", count)
    done = lab.in_turns(
        lab.count(7, 2),
        {
            "import": lambda: lab.code(IMPORT, store=store),
            "list": lambda: lab.kitaru(store, *listing),
        },
    )
    what = f"{count} executions wait"
    none = side("Kitaru", [alive])
    listed = side("Kitaru", seconds(done["list"]), full=done["list"])
    imported = side(IMPORT, seconds(done["import"]))
    return Findings(
        [
            Row(
                "P12",
                f"{what}: processes alive",
                none,
                rule="at most",
                limit=0,
                unit="processes",
            ),
            Row(
                "P12",
                f"{what}: list of all",
                listed,
                imported,
                rule="plus",
                limit=1.0,
            ),
        ]
    )
