"""When an execution whose process died goes on by itself, and when no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kitaru._core.upkeep import deaths
from kitaru._core.upkeep.deaths import Death, Deaths

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def known(*those: Death) -> Deaths:
    after = Deaths()
    for death in those:
        after = Deaths.from_dict(deaths.after(after, death).to_dict())
    return after


def death(
    *running: str,
    finished: int = 0,
    is_to_stop: bool = False,
    problem: str | None = None,
) -> Death:
    return Death(NOW, running, finished, is_to_stop, problem)


def test_after_the_first_death_it_goes_on_at_once() -> None:
    assert known(death("a")).goes_on_at == NOW


def test_who_dies_again_without_having_got_on_has_to_wait() -> None:
    assert known(death("a"), death("b")).goes_on_at == NOW + timedelta(seconds=10)


@pytest.mark.parametrize(
    ("those", "stopped"),
    [
        pytest.param(
            [death("a"), death("a")], "2 processes died in a", id="twice in one call"
        ),
        pytest.param(
            [death("a", "b"), death("a", "b", finished=7)],
            "2 processes died in a and b",
            id="others got on beside it",
        ),
        pytest.param(
            [death("a"), death("b", finished=1), death("a", finished=2)],
            "2 processes died in a",
            id="not one after the other",
        ),
        pytest.param(
            [death(), death("a"), death()],
            "3 processes died without a newly finished checkpoint",
            id="anywhere",
        ),
        pytest.param(
            [death(is_to_stop=True)], "somebody had asked it to stop", id="stop"
        ),
        pytest.param(
            [death(), death(problem="no room"), death(problem="no room")],
            "it could not be started: no room",
            id="no process",
        ),
    ],
)
def test_what_is_enough(those: list[Death], stopped: str) -> None:
    before, after = known(*those[:-1]), known(*those)

    assert before.stopped is None
    assert (after.stopped, after.goes_on_at) == (stopped, None)
    assert after.times == len(those) - 1


def test_who_gets_on_may_die_any_number_of_times() -> None:
    after = known(*(death(f"step_{n}", finished=n) for n in range(1, 30)))

    assert (after.stopped, after.barren, after.goes_on_at) == (None, 1, NOW)


def test_a_retry_by_hand_begins_the_count_again() -> None:
    after = known(death("a"), death("a"), death("a"))

    assert (after.stopped, after.barren, after.goes_on_at) == (None, 1, NOW)
    assert after.times == 2


def test_what_users_see_ends_with_the_attempt_that_follows() -> None:
    stopped = known(death("a"), death("a"))

    assert stopped.described(is_over=False).stopped == "2 processes died in a"
    assert stopped.described(is_over=True).stopped is None
    assert known(death()).described(is_over=False).next_at == NOW
    assert known(death()).described(is_over=True).next_at is None
