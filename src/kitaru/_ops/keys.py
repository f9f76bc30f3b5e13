"""One execution for each key, whoever starts it and however often."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kitaru._core.words.wording import short
from kitaru._engine.open import current_engine
from kitaru._engine.port.engine import KeyTakenError
from kitaru._ops.replays import Started
from kitaru.errors import KitaruStateError, KitaruUsageError
from kitaru.models import Continuation

T = TypeVar("T")
_TRIES = 5
# How an execution goes on that nobody had to start.
KNOWN = "key"


def start(
    key: str | None, flow: str, begin: Callable[[], tuple[str, T]]
) -> tuple[str, T | None]:
    """Start an execution, or return the one that its key has.

    Args:
        key: The key, if it has one.
        flow: Name of the flow.
        begin: Starts it.

    Raises:
        KitaruUsageError: If the key is that of an execution of another flow.
        KitaruStateError: If executions of the key come and go all the time.
    """
    if key is None:
        return begin()
    for _ in range(_TRIES):
        known = _known(key, flow)
        if known is not None:
            return known, None
        try:
            return begin()
        except KeyTakenError:
            # Somebody was faster; unless that is removed, it is found now.
            continue
    raise KitaruStateError(
        f"key {key!r}: executions of it are started and removed at the same time"
    )


def start_elsewhere(
    key: str | None, flow: str, begin: Callable[[], tuple[str, Continuation]]
) -> Started:
    """Do that in another process; a note says so if nothing was started.

    Raises:
        KitaruUsageError: As `start`.
        KitaruStateError: As `start`.
    """
    execution_id, going_on = start(key, flow, begin)
    if going_on is None:
        note = f"key {key!r}: this execution had it; none was started"
        return Started(execution_id, Continuation(how=KNOWN), (note,))
    return Started(execution_id, going_on, ())


def _known(key: str, flow: str) -> str | None:
    engine = current_engine()
    found = engine.keyed(key)
    if found is None:
        return None
    exec_id, other = found
    if other != flow:
        raise KitaruUsageError(
            f"key {key!r} is that of execution {short(exec_id)} of flow {other!r}; flow "
            f"{flow!r} needs another one, since a key stands for one execution"
        )
    status = engine.get(exec_id).status
    engine.tell(
        [
            f"key {key!r}: execution {short(exec_id)} has it and is {status.value}; no "
            "other one was started"
        ]
    )
    return exec_id
