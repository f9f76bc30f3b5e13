"""Watch for the answer to a wait: the journal closely, ZenML's store now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from kitaru._core.waits.answered import Answer
from kitaru._core.waits.terms import Terms
from kitaru._engine.journal import due
from kitaru.errors import KitaruStateError

# An answer given with Kitaru is seen through the journal within this many seconds;
# one given in the ZenML dashboard within the longer time.
POLL_JOURNAL = 0.01
POLL_STORE = 1.0


def answer_in_time(
    told: Callable[[], Answer | None],
    terms: Terms,
    decide: Callable[[Answer], object],
) -> Answer | None:
    """Return the answer that stands; when the wait is over, the clock gives one."""
    answer = told()
    if answer is not None or not terms.is_over(due.now()):
        return answer
    # Whoever else answers at this moment may come first.
    with suppress(KitaruStateError):
        decide(terms.outcome())
    return told()


def watch(
    told: Callable[[], Answer | None],
    look: Callable[[], Answer | None],
    *,
    timeout: float,
    idle: Callable[[float], None],
    is_awaited: Callable[[], bool],
) -> Answer | None:
    """Return the answer once there is one, `None` if none comes in time.

    Args:
        told: Asks the journal.
        look: Asks ZenML's store, which takes longer.
        timeout: Seconds to stay.
        idle: Lets seconds pass.
        is_awaited: Whether other executions need this process; it does not stay then.
    """
    deadline = time.monotonic() + (0 if is_awaited() else timeout)
    next_look = time.monotonic() + POLL_STORE
    while True:
        answer = told()
        if answer is not None:
            return answer
        moment = time.monotonic()
        if moment >= next_look or moment >= deadline:
            next_look = moment + POLL_STORE
            answer = look()
            if answer is not None:
                return answer
            if is_awaited():
                deadline = moment
        if moment >= deadline:
            return None
        idle(min(POLL_JOURNAL, max(deadline - moment, 0.0)))
