"""How a flow body is ended, whatever user code catches on the way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any


class Control:
    """Remembers why the body has to end, and which failures it was given.

    Args:
        on_caught: Told which failed calls the flow went on after.
    """

    def __init__(self, on_caught: Callable[[Sequence[str]], None]) -> None:
        self._on_caught = on_caught
        self._lock = threading.Lock()
        self._failed: set[str] = set()
        self._passed_on: dict[str, tuple[str, ...]] = {}
        self._delivered: list[tuple[asyncio.Task[Any] | None, str]] = []
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

    def failed(self, invocation_id: str) -> None:
        """Note that the failure of a call was recorded in this attempt."""
        with self._lock:
            self._failed.add(invocation_id)

    def passes_on(self, invocation_id: str, arguments: Iterable[str]) -> None:
        """Note that a call has no failure of its own: these calls are its arguments."""
        with self._lock:
            self._passed_on[invocation_id] = tuple(
                origin for name in arguments for origin in self._origins(name)
            )

    def delivered(self, invocation_id: str) -> None:
        """Note that the flow body was given the failure of a call."""
        task = current_task()
        with self._lock:
            self._delivered += [(task, name) for name in self._origins(invocation_id)]

    def _origins(self, invocation_id: str) -> tuple[str, ...]:
        """Return the calls whose recorded failures this one hands over."""
        own = (invocation_id,) if invocation_id in self._failed else ()
        return self._passed_on.get(invocation_id, own)

    def went_on(self, *, on_path: bool = True) -> None:
        """Note that the body goes on: the failures it was given are caught by now.

        Args:
            on_path: Whether it is the main line of the body. A task beside it only
                tells that it has caught its own failures.
        """
        if not self._delivered:
            return
        here = current_task()
        with self._lock:
            caught, rest = [], []
            for task, name in self._delivered:
                over = on_path and task is not None and task.done()
                if task is here or over:
                    caught.append(name)
                else:
                    rest.append((task, name))
            self._delivered = rest
        if caught:
            self._on_caught(list(dict.fromkeys(caught)))


def current_task() -> asyncio.Task[Any] | None:
    """Return the task that runs here, if an event loop does."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
