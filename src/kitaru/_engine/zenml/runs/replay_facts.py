"""Replay plans as JSON data that travels with the ZenML run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitaru._core.calls import references
from kitaru._core.calls.replay import ReplayPlan

_KEY = "replay"


def to_facts(plan: ReplayPlan | None) -> dict[str, Any]:
    """Return what to add to an execution's facts."""
    if plan is None:
        return {}
    return {
        _KEY: {
            "source": plan.source,
            "anchor": plan.anchor,
            "reuse": sorted(plan.reuse),
            "overrides": {
                call: references.reference(value)
                for call, value in plan.overrides.items()
            },
            "guarded": plan.guarded,
            "reuse_waits": plan.reuse_waits,
        }
    }


def from_facts(facts: Mapping[str, Any]) -> ReplayPlan | None:
    """Return the plan written by `to_facts`; `None` for what is no replay."""
    data = facts.get(_KEY)
    if data is None:
        return None
    return ReplayPlan(
        source=data["source"],
        anchor=data["anchor"],
        reuse=frozenset(data["reuse"]),
        overrides={
            call: references.from_reference(value)
            for call, value in data["overrides"].items()
        },
        guarded=data["guarded"],
        reuse_waits=data["reuse_waits"],
    )
