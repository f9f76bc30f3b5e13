"""Timelines of real executions are planned for ever as they were when recorded.

New ones come from `scripts/record_timelines.py`; recorded ones are not changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kitaru._core.calls import records
from tests.support import timelines

FOLDER = Path(__file__).parents[1] / "timelines"
FILES = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.json"))
}
REPLAYS = {
    f"{name}-{number}": (facts, recorded)
    for name, facts in FILES.items()
    for number, recorded in enumerate(facts["replays"])
}


def test_each_kind_of_timeline_is_there() -> None:
    assert set(FILES) >= {
        "caught-failure",
        "failed-attempt",
        "loop",
        "mapped",
        "replayed-with-override",
        "sequence",
    }


@pytest.mark.parametrize("name", FILES)
def test_records_of_then_are_read_and_written_the_same(name: str) -> None:
    facts = FILES[name]

    calls = timelines.calls_of(facts)

    assert [json.loads(records.to_json(call)) for call in calls] == facts["calls"]


@pytest.mark.parametrize("name", FILES)
def test_a_retry_decides_as_recorded(name: str) -> None:
    facts = FILES[name]

    assert timelines.rerun(timelines.calls_of(facts)) == facts["rerun"]


@pytest.mark.parametrize("name", REPLAYS)
def test_a_replay_is_planned_and_decided_as_recorded(name: str) -> None:
    facts: dict[str, Any]
    facts, recorded = REPLAYS[name]

    assert timelines.replayed(timelines.calls_of(facts), recorded) == recorded["plan"]
