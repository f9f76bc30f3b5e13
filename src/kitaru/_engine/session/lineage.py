"""Which calls a call follows: whose results it used, else what was before it.

For display, and to fingerprint large values cheaply. No rule depends on it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

_REMEMBERED = 64
# Interned by Python: the same object may come from anywhere.
_SHARED = (bool, int, float, type(None))


class Course:
    """The order in which a flow makes its calls.

    On the flow's own path one call follows the other; those beside it follow the last one
    there, and the next one on it follows those that are over by then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[str, ...] = ()
        self._beside: dict[str, bool] = {}

    def next(self, invocation_id: str, *, is_followed: bool) -> tuple[str, ...]:
        """Return the calls that a new one comes after.

        Args:
            invocation_id: The new call.
            is_followed: Whether the flow body goes on only after it.
        """
        with self._lock:
            if not is_followed:
                self._beside[invocation_id] = False
                return self._last
            over = tuple(name for name, is_over in self._beside.items() if is_over)
            for name in over:
                del self._beside[name]
            before, self._last = over or self._last, (invocation_id,)
            return before

    def ended(self, invocation_id: str) -> None:
        """Note that a call has an outcome."""
        with self._lock:
            if invocation_id in self._beside:
                self._beside[invocation_id] = True


class Origins:
    """The last few results of checkpoints, by identity."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[int, tuple[object, str, str]] = OrderedDict()

    def remember(self, value: object, invocation_id: str, content_hash: str) -> None:
        """Note that `value` is the result of a call."""
        if isinstance(value, _SHARED) or (isinstance(value, str) and len(value) < 2):
            return
        with self._lock:
            # Holding the object keeps its id from being given to another one.
            self._seen[id(value)] = (value, invocation_id, content_hash)
            self._seen.move_to_end(id(value))
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)

    def producer(self, value: object) -> str | None:
        """Return the invocation id of the call that returned this very object."""
        with self._lock:
            entry = self._seen.get(id(value))
        return entry[1] if entry is not None and entry[0] is value else None

    def content_hash(self, value: object) -> str | None:
        """Return the content hash of this very object, if a call returned it."""
        with self._lock:
            entry = self._seen.get(id(value))
        return entry[2] if entry is not None and entry[0] is value else None

    def parents(self, values: list[object]) -> tuple[str, ...]:
        """Return the producers of the arguments and of the items in them."""
        found: dict[str, None] = {}
        for value in values:
            for item in (value, *_items(value)):
                producer = self.producer(item)
                if producer is not None:
                    found[producer] = None
        return tuple(found)


def _items(value: object) -> list[object]:
    if isinstance(value, list | tuple | set) and len(value) <= 1000:
        return list(value)
    if isinstance(value, dict) and len(value) <= 1000:
        return list(value.values())
    return []
