"""P9: replay from checkpoint 95 of 100."""

from __future__ import annotations

from pathlib import Path

from figures import Row, Sample
from lab import Lab, query

COUNT, ANCHOR = 100, "step_96"


def near_the_end(lab: Lab) -> list[Row]:
    """Compare the result with an empty flow's, the record with ZenML's own replay."""
    store = lab.store()
    source = lab.python("trivial.py", COUNT, store=store).said["id"]
    result: list[float] = []
    empty: list[float] = []
    whole: list[float] = []
    bodies: list[float] = []
    for _ in range(lab.count(5, 2)):
        done = lab.python("trivial.py", 0, store=store)
        empty.append(done.said["result_at"] - done.began)
        done = lab.python("replaying.py", source, ANCHOR, store=store)
        result.append(done.said["result_at"] - done.began)
        whole.append(done.seconds)
        bodies.append(_bodies(store, done.said["id"]))
    return [
        Row(
            "P9",
            "replay from 95 of 100, to the result",
            Sample.of(result),
            "empty flow",
            Sample.of(empty),
            limit=1.3,
        ),
        Row(
            "P9",
            "replay, to the complete record",
            Sample.of(whole),
            "ZenML's replay",
            Sample.of(_stock(lab)),
            limit=1 / 3,
        ),
        Row(
            "P9",
            "bodies run by the replay",
            Sample.of(bodies),
            rule="at most",
            limit=5,
            unit="calls",
        ),
    ]


def _stock(lab: Lab) -> list[float]:
    store = lab.store(stock=True)
    source = lab.python("stock.py", COUNT, store=store).said["id"]
    return [
        lab.python("stock.py", COUNT, "replay", source, store=store).seconds
        for _ in range(lab.count(3, 1))
    ]


def _bodies(store: Path, execution_id: str) -> float:
    rows = query(
        store / "kitaru" / "journal.db",
        "SELECT body FROM calls WHERE execution_id = ?",
        execution_id,
    )
    assert len(rows) == COUNT
    return float(sum('"reused":true' not in body for (body,) in rows))
