"""Put right what nobody goes on with: once, or again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from kitaru._engine.open import current_engine
from kitaru._engine.runners import delivery, schedules
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.models import Reconciled

INTERVAL = 30.0
SHORTEST = 1.0


def reconcile(
    *, dry_run: bool = False, progress: Callable[[int, int], None] | None = None
) -> Iterator[Reconciled]:
    """Look at every unfinished execution once; yield what was done about some.

    What schedules have to start is started, too.

    Args:
        dry_run: Only say what would be done.
        progress: Told how many of how many were looked at.
    """
    engine = current_engine()
    yield from engine.reconciling.reconcile(dry_run=dry_run, progress=progress)
    if not dry_run:
        engine.tell(schedules.fire_quietly(engine))
        delivery.deliver_quietly(engine)


def watch(
    *,
    interval: float,
    dry_run: bool = False,
    failed: Callable[[KitaruError], None],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Reconciled]:
    """Do that for ever; yield each thing once as long as it stays as it is.

    Args:
        interval: Seconds between two passes.
        dry_run: Only say what would be done.
        failed: Told of a pass that was not possible; the next one may be.
        pause: Lets seconds pass.

    Raises:
        KitaruUsageError: If the interval is too short.
    """
    if not interval >= SHORTEST:
        raise KitaruUsageError(
            f"an interval of {interval:g} s is too short; take {SHORTEST:g} or more"
        )
    return _watched(interval, dry_run, failed, pause)


def _watched(
    interval: float,
    dry_run: bool,
    failed: Callable[[KitaruError], None],
    pause: Callable[[float], None],
) -> Iterator[Reconciled]:
    told: dict[str, Reconciled] = {}
    while True:
        seen: dict[str, Reconciled] = {}
        try:
            for item in reconcile(dry_run=dry_run):
                seen[item.exec_id] = item
                if told.get(item.exec_id) != item:
                    yield item
            told = seen
        # A server that is restarted must not end the watch.
        except KitaruError as error:
            failed(error)
        pause(interval)
