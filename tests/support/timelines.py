"""What the rules make of a recorded timeline, as plain data to keep and compare."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kitaru._core.calls import records, replay
from kitaru._core.calls.names import call_id
from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.calls.replay import Decision, Timeline

OVERRIDE = StoredValue("json", "builtins.int", "0" * 64, 1, payload=b"1")
NEW_CALL = "never_asked_before"

Facts = dict[str, Any]


def cases(calls: Sequence[CallRecord]) -> list[Facts]:
    """Return the replays to try: each anchor, unchanged and with changes."""
    found: list[Facts] = []
    for call in calls:
        anchor = call_id(call.execution_id, call.invocation_id)
        plain: Facts = {"anchor": anchor, "overrides": [], "inputs_changed": False}
        first = f"checkpoint.{call_id(calls[0].execution_id, calls[0].invocation_id)}"
        found += [
            plain,
            plain | {"inputs_changed": True},
            plain | {"overrides": [first]},
        ]
    return found


def replayed(calls: Sequence[CallRecord], case: Facts) -> Facts:
    """Return the plan of a replay, and what it decides for each call."""
    plan = replay.plan(
        calls,
        source=calls[0].execution_id,
        anchor=case["anchor"],
        overrides=dict.fromkeys(case["overrides"], OVERRIDE),
        inputs_changed=case["inputs_changed"],
    )
    return {
        "starts_at": plan.anchor,
        "reuses": sorted(plan.reuse),
        "replaces": sorted(plan.overrides),
        "guarded": plan.guarded,
        "decisions": _decisions(Timeline(replay=plan, source=calls), calls),
    }


def rerun(calls: Sequence[CallRecord]) -> Facts:
    """Return what a retry of the execution decides, and its path."""
    timeline = Timeline(own=calls)
    places = [timeline.expected_at(n) for n in range(1, len(calls) + 2)]
    return {
        "path": [call and call.invocation_id for call in places],
        "decisions": _decisions(timeline, calls),
    }


def _decisions(timeline: Timeline, calls: Sequence[CallRecord]) -> dict[str, list[str]]:
    """Return decisions for: the same inputs, other ones, unknown ones."""
    asked = {call.invocation_id: call.fingerprint for call in calls} | {NEW_CALL: None}
    return {
        name: [_shown(timeline.decide(name, seen)) for seen in (same, "other", None)]
        for name, same in asked.items()
    }


def _shown(decision: Decision) -> str:
    origin = replay.original_of(decision.record) if decision.record else None
    parts = (decision.action.value, origin, decision.note)
    return " | ".join(part for part in parts if part)


def table(calls: Sequence[CallRecord]) -> Facts:
    """Return everything the rules say about a timeline."""
    return {
        "rerun": rerun(calls),
        "replays": [{**case, "plan": replayed(calls, case)} for case in cases(calls)],
    }


def dump(about: str, calls: Sequence[CallRecord]) -> str:
    """Return the text of a file for a timeline."""
    facts = {
        "about": about,
        "calls": [json.loads(records.to_json(call)) for call in calls],
        **table(calls),
    }
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"


def calls_of(facts: Facts) -> list[CallRecord]:
    """Return the timeline of a file."""
    return [records.from_json(json.dumps(call)) for call in facts["calls"]]
