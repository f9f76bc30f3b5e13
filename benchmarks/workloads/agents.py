"""P14: what checkpoints add to a model call of an agent."""

from __future__ import annotations

from benchmarks.figures import Findings, Row
from benchmarks.lab import Finished, Lab
from benchmarks.sides import said, side

TIMES = 3


def model_calls(lab: Lab) -> Findings:
    """The model calls of an agent, beside the bare framework."""
    store = lab.store()

    def agent(runner: str, boundaries: str) -> Finished:
        return lab.python("agent.py", runner, boundaries, TIMES, store=store)

    done = lab.in_turns(
        lab.count(4, 1),
        {
            "bare": lambda: agent("bare", "steps"),
            "calls": lambda: agent("durable", "calls"),
            "steps": lambda: agent("durable", "steps"),
            "checkpoint": lambda: lab.python("trivial.py", 100, store=store),
        },
    )
    bare = side("PydanticAI alone", said(done["bare"], "each"))
    calls = said(done["calls"], "each")
    added = [taken - bare.sample.median for taken in calls]
    return Findings(
        [
            Row(
                "P14",
                "added to a model call",
                side("Kitaru", added, full=done["calls"]),
                side("a checkpoint (P1)", said(done["checkpoint"], "each")),
                rule="plus",
                limit=0.003,
            ),
            Row("P14", "model call, offline model", side("Kitaru", calls), bare),
            Row(
                "P14",
                "model and tool call, two checkpoints",
                side("Kitaru", said(done["steps"], "each")),
                bare,
            ),
        ]
    )
