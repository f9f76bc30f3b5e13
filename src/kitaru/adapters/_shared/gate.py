"""Let a question of an agent wait until nothing else of the flow is under way.

A wait may end the process. Calls that run beside it would be cut off in the middle, so
they finish first, and no new ones begin before the answer is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


class Gate:
    """The calls under way on one event loop, and the question that holds up others."""

    def __init__(self) -> None:
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._asking = asyncio.Lock()

    @property
    def is_idle(self) -> bool:
        """Whether no call is under way and nobody asks."""
        return not self._under_way and not self._asking.locked()

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """Hold a call back while somebody asks, then count it as under way."""
        if self._asking.locked():
            async with self._asking:
                pass
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def ask(self, question: Callable[[], T]) -> T:
        """Ask when the calls under way are done; blocks the loop, as the flow waits."""
        async with self._asking:
            await self._idle.wait()
            return question()
