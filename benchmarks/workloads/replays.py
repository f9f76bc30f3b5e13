"""P9: replay from checkpoint 95 of 100."""

from __future__ import annotations

from benchmarks.figures import Findings, Row
from benchmarks.lab import Lab
from benchmarks.sides import seconds, side, to_result

COUNT, FIRST = 100, 96


def near_the_end(lab: Lab) -> Findings:
    """A replay in which 5 of 100 bodies run."""
    store, stock = lab.store(), lab.store(stock=True)
    source = lab.python("trivial.py", COUNT, store=store).said["id"]
    plain = lab.python("stock.py", COUNT, store=stock).said["id"]
    anchor, folder = f"step_{FIRST}", lab.folder()
    for name in lab.others:
        lab.other(name, "keep", COUNT, "source", folder=folder)
    done = lab.in_turns(
        lab.count(5, 2),
        {
            "empty": lambda: lab.python("trivial.py", 0, store=store),
            "kitaru": lambda: lab.python("replaying.py", source, anchor, store=store),
        }
        | lab.by_others("fork", "source", FIRST, COUNT, folder=folder),
    )
    done |= lab.in_turns(
        lab.count(3, 1),
        {
            "stock": lambda: lab.python(
                "stock.py", COUNT, "replay", plain, store=stock
            ),
            "beside": lambda: lab.python("replaying.py", source, anchor, store=store),
        },
    )
    result, whole = "replay from 95 of 100, to the result", "replay, to the full record"
    ours = side("Kitaru", to_result(done["kitaru"]), full=done["kitaru"])
    rows = [
        Row("P9", result, ours, side("empty flow", to_result(done["empty"])), limit=1.3)
    ]
    for name in lab.others:
        assert all(run.said["bodies"] == COUNT - FIRST + 1 for run in done[name])
        reference = side(name, to_result(done[name]), full=done[name])
        rows.append(Row("P9", result, ours, reference))
    rows.append(
        Row(
            "P9",
            whole,
            side("Kitaru", seconds(done["beside"]), full=done["beside"]),
            side("stock", seconds(done["stock"]), full=done["stock"]),
            limit=1 / 3,
        )
    )
    bodies = side("Kitaru", [run.said["bodies"] for run in done["kitaru"]])
    what = "bodies run by the replay"
    rows.append(Row("P9", what, bodies, rule="at most", limit=5, unit="calls"))
    return Findings(rows)
