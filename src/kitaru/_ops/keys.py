"""One execution for each key, whoever starts it and however often."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kitaru._core.words.wording import short
from kitaru._engine.open import current_engine
from kitaru._engine.port.engine import KeyTakenError, Launch
from kitaru.errors import KitaruStateError, KitaruUsageError

T = TypeVar("T")
_TRIES = 5


def start(
    launch: Launch, begin: Callable[[Launch], tuple[str, T]]
) -> tuple[str, T | None]:
    """Start an execution, or return the one that its key has.

    Args:
        launch: What to start.
        begin: Starts it.

    Raises:
        KitaruUsageError: If the key is that of an execution of another flow.
        KitaruStateError: If executions of the key come and go all the time.
    """
    key = launch.labels.key
    if key is None:
        return begin(launch)
    for _ in range(_TRIES):
        known = _known(key, launch.flow.name)
        if known is not None:
            return known, None
        try:
            return begin(launch)
        except KeyTakenError:
            # Somebody was faster; unless that is removed, it is found now.
            continue
    raise KitaruStateError(
        f"key {key!r}: executions of it are started and removed at the same time"
    )


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
