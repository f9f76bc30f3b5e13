"""Fingerprints of conversations: each message is hashed once, not once per request.

An agent sends all messages with every request. Hashing them whole each time takes time
that grows with the square of the calls.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

from kitaru._core.values import fingerprints

_START = hashlib.sha256(b"").hexdigest()


class Growing:
    """The fingerprint of a list that is seen again and again, longer each time.

    It says the same as one made of the whole list at once: what was seen before only
    saves work, and a list that begins otherwise is hashed from there.
    """

    def __init__(self) -> None:
        # Requests of one run may be made from several threads.
        self._lock = threading.Lock()
        self._items: list[Any] = []
        self._digests: list[str] = []

    def fingerprint(
        self,
        items: Sequence[Any],
        plain: Callable[[Any], Any] = lambda item: item,
        *,
        settled: int | None = None,
    ) -> str | None:
        """Return the fingerprint of the items; `None` if one has no JSON form.

        Args:
            items: All of them.
            plain: Makes JSON data of an item: what counts of it, and nothing else.
            settled: How many of the first are not changed any more; all by default.
        """
        with self._lock:
            known = self._known(items)
            del self._items[known:], self._digests[known:]
            kept = len(items) if settled is None else settled
            last = self._digests[-1] if known else _START
            for index in range(known, len(items)):
                digest = fingerprints.of_value(plain(items[index]))
                if digest is None:
                    return None
                last = hashlib.sha256(f"{last}\n{digest}".encode()).hexdigest()
                if index < kept:
                    self._items.append(items[index])
                    self._digests.append(last)
            return last

    def _known(self, items: Sequence[Any]) -> int:
        """Return how many of the first items were seen before."""
        for index, (before, now) in enumerate(zip(self._items, items, strict=False)):
            if before is not now and not _is_equal(before, now):
                return index
        return min(len(self._items), len(items))


def _is_equal(before: Any, now: Any) -> bool:
    # Only of plain data is it known that it is cheap, and means what it says.
    return type(before) is dict and type(now) is dict and before == now
