"""How a flow body is ended, whatever user code catches on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


class Control:
    """Remembers why the body has to end, and which failures it was given.

    Args:
        on_caught: Told which failed calls the flow went on after.
    """

    def __init__(self, on_caught: Callable[[Sequence[str]], None]) -> None:
        self._on_caught = on_caught
        self._lock = threading.Lock()
        self._delivered: list[str] = []
        # Once set, every call of the body raises it: control flow that user code
        # caught must not be lost.
        self.ending: BaseException | None = None

    def end(self, reason: BaseException) -> BaseException:
        """End the body: this and every later call of it raises `reason`."""
        if self.ending is None:
            self.ending = reason
        return self.ending

    def check(self) -> None:
        """Raise the reason if the body has to end."""
        if self.ending is not None:
            raise self.ending

    def delivered(self, invocation_id: str) -> None:
        """Note that the flow body was given the failure of a call."""
        with self._lock:
            self._delivered.append(invocation_id)

    def went_on(self) -> None:
        """Note that the body goes on: the failures it was given are caught by now."""
        with self._lock:
            caught, self._delivered = self._delivered, []
        if caught:
            self._on_caught(caught)
