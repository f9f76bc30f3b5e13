"""P1 and P2: what a small durable checkpoint costs."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping

from benchmarks.figures import Findings, Measured, Row
from benchmarks.lab import Lab
from benchmarks.sides import said, seconds, side, to_result

COUNT = 100
STOCK_STEPS = 10


def one_checkpoint(lab: Lab) -> Findings:
    """A checkpoint as its flow sees it."""
    ours, stock, folder = lab.store(), lab.store(stock=True), lab.folder()
    empty = {
        "kitaru": lambda: lab.python("trivial.py", 0, store=ours),
        "stock": lambda: lab.python("stock.py", 0, store=stock),
        **lab.by_others("steps", 0, folder=folder),
    }
    full = {
        "floor": lambda: lab.python("floor.py", COUNT, store=folder),
        "kitaru": lambda: lab.python("trivial.py", COUNT, store=ours),
        "stock": lambda: lab.python("stock.py", STOCK_STEPS, store=stock),
        **lab.by_others("steps", COUNT, folder=folder),
    }
    without = {f"{name} without": measure for name, measure in empty.items()}
    done = lab.in_turns(lab.count(5, 2), full | without)

    def each(name: str) -> Measured:
        return side(
            name,
            said(done[name], "each"),
            full=done[name],
            empty=done.get(f"{name} without", ()),
            checkpoints=len(done[name][0].said["each"]),
        )

    limits = {"floor": 2.0, "DBOS": 1 / 3, "LangGraph": None, "stock": None}
    what = "checkpoint, as the flow sees it"
    return Findings(_beside("P1", what, each, limits, done))


def cold_hundred(lab: Lab) -> Findings:
    """A cold process with 100 checkpoints, to the result and the complete record."""
    ours, stock = lab.store(), lab.store(stock=True)
    done = lab.in_turns(
        lab.count(3, 1),
        {
            "kitaru": lambda: lab.python("trivial.py", COUNT, store=ours),
            "stock": lambda: lab.python("stock.py", COUNT, store=stock),
            **lab.by_others("steps", COUNT, folder=lab.folder()),
        },
    )

    def whole(name: str) -> Measured:
        # With their last step the others have all they keep.
        ends = to_result if name in lab.others else seconds
        return side(name, ends(done[name]), full=done[name])

    limits = {"stock": 1 / 3, "DBOS": None, "LangGraph": None}
    what = f"{COUNT} checkpoints, cold process"
    return Findings(_beside("P2", what, whole, limits, done))


def _beside(
    key: str,
    what: str,
    measured: Callable[[str], Measured],
    limits: Mapping[str, float | None],
    done: Container[str],
) -> list[Row]:
    """Return one row for each reference that was run."""
    ours = measured("kitaru")
    return [
        Row(key, what, ours, measured(name), limit=limit)
        for name, limit in limits.items()
        if name in done
    ]
