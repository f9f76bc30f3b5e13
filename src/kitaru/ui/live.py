"""Tells open pages when what they show has changed: server-sent events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextvars import Context

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from kitaru._ops import changes
from kitaru._ops.capabilities import PAGE, Op, exposes
from kitaru.errors import KitaruError

logger = logging.getLogger(__name__)

_INTERVAL = 1.0
# Looking takes at most this part of the time.
_SHARE = 0.1
_HEARTBEAT = 15.0


def stream(request: Request, context: Context) -> StreamingResponse:
    """Tell of each change, for as long as somebody listens."""
    execution_id = request.query_params.get("execution") or None
    events = _events(request, context, execution_id)
    return StreamingResponse(events, media_type="text/event-stream")


@exposes(Op.EXECUTION_GET, on=PAGE)
def fingerprint(execution_id: str | None) -> str | None:
    """Return what stands for the present state; `None` while nobody can tell."""
    try:
        return changes.fingerprint(execution_id)
    except KitaruError as error:
        logger.debug("cannot look for changes", exc_info=error)
        return None


async def _events(
    request: Request, context: Context, execution_id: str | None
) -> AsyncIterator[str]:
    last: str | None = None
    told = time.monotonic()
    yield "retry: 2000\n\n"
    while not await request.is_disconnected():
        began = time.monotonic()
        now = await run_in_threadpool(context.copy().run, fingerprint, execution_id)
        took = time.monotonic() - began
        if now is not None and now != last:
            # The first one is what later ones are changes of.
            yield f"event: {'changed' if last else 'state'}\ndata: {now}\n\n"
            told = time.monotonic()
        elif time.monotonic() - told > _HEARTBEAT:
            yield ": still here\n\n"
            told = time.monotonic()
        last = now or last
        await asyncio.sleep(max(_INTERVAL, took / _SHARE))
