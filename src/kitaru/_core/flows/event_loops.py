"""The event loop of the thread that asks.

Most flows have none, and asyncio is a third of what Python would load for them: where
nobody has imported it no loop runs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


def is_running() -> bool:
    """Whether an event loop runs in this thread."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def current_task() -> asyncio.Task[Any] | None:
    """Return the task that runs here, if an event loop does."""
    return sys.modules["asyncio"].current_task() if is_running() else None
