"""P14: what checkpoints add to a model call of an agent."""

from __future__ import annotations

from figures import Row, Sample
from lab import Lab


def model_calls(lab: Lab) -> list[Row]:
    """Compare a step of an agent (a model request, a tool call) with the bare framework."""
    said = lab.python("agent.py", lab.count(8, 3), store=lab.store()).said
    return [
        Row(
            "P14",
            "one step of an agent, two checkpoints",
            Sample.of(said["durable"]),
            "PydanticAI alone",
            Sample.of(said["bare"]),
        )
    ]
