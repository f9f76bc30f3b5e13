"""P1 and P2: what a small durable checkpoint costs."""

from __future__ import annotations

from figures import Row, Sample
from lab import Lab


def one_checkpoint(lab: Lab) -> list[Row]:
    """P1: a checkpoint as its flow sees it, beside a commit and a ZenML step."""
    ours, stock = lab.store(), lab.store(stock=True)
    each: list[float] = []
    floor: list[float] = []
    step: list[float] = []
    lab.python("trivial.py", 3, store=ours)
    for _ in range(lab.count(5, 2)):
        floor += lab.python("floor.py", 100, store=ours).said["each"]
        each += lab.python("trivial.py", 100, store=ours).said["each"]
        step += lab.python("stock.py", 8, store=stock).said["each"]
    checkpoint, plain = Sample.of(each), Sample.of(step)
    what = "checkpoint, as the flow sees it"
    return [
        Row("P1", what, checkpoint, "flushed commit", Sample.of(floor), limit=2.0),
        Row("P1", what, checkpoint, "ZenML step", plain, limit=None),
    ]


def cold_hundred(lab: Lab) -> list[Row]:
    """P2: a process that runs 100 checkpoints, to its end with a complete record."""
    ours, stock = lab.store(), lab.store(stock=True)
    whole: list[float] = []
    reference: list[float] = []
    cpu: list[float] = []
    for _ in range(lab.count(3, 1)):
        done = lab.python("trivial.py", 100, store=ours)
        whole.append(done.seconds)
        cpu.append(done.cpu)
        reference.append(lab.python("stock.py", 100, store=stock).seconds)
    return [
        Row(
            "P2",
            "100 checkpoints, cold process",
            Sample.of(whole),
            "ZenML pipeline",
            Sample.of(reference),
            limit=1 / 3,
            notes={"cpu_seconds": cpu},
        )
    ]
