"""Random flows, deaths and replays do what the rules say, body for body.

The rules are written down a second time in `tests.support.rules`; an engine and they
go through the same life and must agree after each step.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from tests.support.journeys import Journey, Pair, journeys

WIDE = {
    "deadline": None,
    # Shrinking takes minutes, and the failing example is printed anyway.
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


@settings(max_examples=200, **WIDE)
@given(journey=journeys())
def test_executions_in_memory_live_by_the_rules(journey: Journey) -> None:
    engine = MemoryEngine()

    def kill_after(invocation_id: str | None) -> None:
        engine.kill_after = invocation_id

    with use_engine(engine):
        Pair(kill_after).live(journey)


@pytest.mark.zenml
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("engine", ["journal"], indirect=True)
@settings(max_examples=10, **WIDE)
@given(journey=journeys(max_size=4))
def test_executions_on_zenml_live_by_the_rules(journey: Journey) -> None:
    Pair(kill_after=None).live(journey)
