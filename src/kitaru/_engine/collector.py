"""Keep Python's garbage collector from walking through what imports have made.

Importing ZenML and opening its store makes about a million objects that stay. Made
under the collector, they are walked through again and again: a third of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect nothing in the `with` body, and count what it made as old."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        # Together they move all objects to the oldest generation without looking at
        # them; not if the user has frozen some, which must stay so.
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        gc.enable()
