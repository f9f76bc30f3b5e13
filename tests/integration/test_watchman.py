"""When the watchman of the local server calls for help, and when he does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kitaru._core.versions.schedules import ScheduleFacts
from kitaru._engine.zenml.engine import ZenMLEngine

pytestmark = pytest.mark.zenml


def test_whom_nobody_can_help_is_not_looked_after_again_and_again() -> None:
    from kitaru._engine.zenml.programs.watchman import Watchman

    moment = 0
    seen: set[str] = set()
    calls: list[int] = []
    watchman = Watchman(
        lambda: frozenset(seen), lambda: calls.append(moment), clock=lambda: moment
    )

    watchman.pass_by()
    seen.add("first")
    while moment < 2000:
        watchman.pass_by()
        moment += 2
    first = list(calls)
    seen.add("second")
    watchman.pass_by()

    assert first == [0, 30, 90, 210, 450, 930, 1530]
    assert calls[-1] == moment


def test_it_sees_the_answered_and_not_those_who_wait(engine: ZenMLEngine) -> None:
    from zenml.client import Client
    from zenml.zen_server import utils

    from kitaru._engine.zenml.programs import watchman
    from tests.integration.test_recovery import answer_in_zenml, asking

    waiting, answered = asking.run().exec_id, asking.run().exec_id
    answer_in_zenml(answered)
    utils._zen_store = Client().zen_store  # type: ignore[assignment]  # as in a server

    try:
        assert watchman.forgotten(engine.journal) == {answered}
    finally:
        utils._zen_store = None
    assert waiting != answered


def test_it_sees_each_time_of_a_schedule_as_a_new_one(engine: ZenMLEngine) -> None:
    from zenml.client import Client
    from zenml.zen_server import utils

    from kitaru._engine.zenml.programs import watchman

    schedules = engine.schedules
    facts = ScheduleFacts("daily", "report", "0 7 * * *", "UTC", "once")
    utils._zen_store = Client().zen_store  # type: ignore[assignment]  # as in a server
    try:
        seen = []
        for days in (2, 1, -1):
            schedules.put(facts, schedules.now() - timedelta(days=days))
            seen.append(watchman.forgotten(engine.journal))
    finally:
        utils._zen_store = None

    assert [len(found) for found in seen] == [1, 1, 0]
    assert seen[0] != seen[1]
