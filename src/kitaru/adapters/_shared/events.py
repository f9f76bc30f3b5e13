"""Notes on a checkpoint of the calls that were made inside it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from kitaru._core.flows import scope
from kitaru.adapters._shared import budgets
from kitaru.primitives import log

# Metadata key under which a checkpoint lists the calls an agent made inside it.
EVENTS = "agent_calls"
# A note is for people; a loop of thousands of calls must not fill the store.
_MOST = 100


@contextmanager
def noted(kind: str, name: str, identity: str) -> Iterator[None]:
    """Note a call inside the running checkpoint: what, how long, and how it ended."""
    budgets.check(kind)
    begun = time.monotonic()
    outcome = "failed"
    try:
        yield
        outcome = "completed"
    finally:
        _note(kind, name, identity, outcome, time.monotonic() - begun)


def _note(kind: str, name: str, identity: str, outcome: str, seconds: float) -> None:
    here = scope.current()
    if here is None or here.call is None:
        return
    known = here.call.metadata.get(EVENTS)
    if isinstance(known, dict) and len(known) >= _MOST:
        return
    entry = {
        "kind": kind,
        "name": name,
        "outcome": outcome,
        "seconds": round(seconds, 3),
    }
    log(**{EVENTS: {identity: entry}})
