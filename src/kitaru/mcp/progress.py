"""Wait for something while the client sees that it goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.from_thread
from fastmcp import Context

from kitaru._ops import executions
from kitaru._ops.settling import needs_someone, until_settled
from kitaru.models import Execution

T = TypeVar("T")

_LOOK_AGAIN = 1.0


async def in_thread(work: Callable[[], T]) -> T:
    """Do blocking work beside the event loop."""
    return await anyio.to_thread.run_sync(work)


async def settled(ctx: Context, exec_id: str, *, within: float) -> Execution:
    """Return the execution once it has ended or waits, or as it is when time is up."""

    def tell(execution: Execution, passed: float) -> None:
        # Ends the wait here as well if the client has given the call up.
        anyio.from_thread.check_cancelled()
        anyio.from_thread.run(ctx.report_progress, passed, within, _told(execution))

    return await in_thread(
        lambda: until_settled(
            executions.resolve(exec_id),
            needs_someone,
            within=within,
            progress=tell,
        )
    )


async def with_progress(ctx: Context, work: Callable[[], T], message: str) -> T:
    """Do blocking work beside the event loop and report every second that it goes on."""
    began = time.monotonic()

    async def report() -> None:
        while True:
            await ctx.report_progress(time.monotonic() - began, None, message)
            await anyio.sleep(_LOOK_AGAIN)

    # No task group: it would wrap what `work` raises.
    reporting = asyncio.ensure_future(report())
    try:
        return await in_thread(work)
    finally:
        reporting.cancel()


def _told(execution: Execution) -> str:
    calls = execution.checkpoints
    done = sum(call.status == "completed" for call in calls)
    running = [call.invocation_id for call in calls if call.status == "running"]
    now = f", running: {', '.join(running)}" if running else ""
    return f"{execution.flow_name}: {done} checkpoints done{now}"
