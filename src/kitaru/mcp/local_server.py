"""Tools that start and stop the server with dashboard on this machine."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastmcp import Context
from pydantic import Field

from kitaru._ops import connection
from kitaru._ops.capabilities import MCP, Op, exposes
from kitaru.mcp.progress import with_progress
from kitaru.mcp.records import StoppedServer
from kitaru.mcp.registry import Effect, tool
from kitaru.models import LocalServer


@tool(
    "kitaru_start_local_server",
    title="Start the local server",
    effect=Effect(
        read_only=False, destructive=False, idempotent=True, open_world=False
    ),
)
@exposes(Op.SERVER_START, on=MCP)
async def start(
    ctx: Context,
    port: Annotated[
        int | None,
        Field(ge=1, le=65535, description="The port; 8237 or a free one by default."),
    ] = None,
) -> LocalServer:
    """Start the server with dashboard on the user's machine, or find it running.

    Executions do not need it; it is for looking at them in a browser.
    """
    work = partial(connection.start_local_server, port=port)
    return await with_progress(ctx, work, "starting the local server")


@tool(
    "kitaru_stop_local_server",
    title="Stop the local server",
    effect=Effect(read_only=False, destructive=True, idempotent=True, open_world=False),
)
@exposes(Op.SERVER_STOP, on=MCP)
async def stop(ctx: Context) -> StoppedServer:
    """Stop the server with dashboard on the user's machine; executions go on."""
    work = connection.stop_local_server
    return StoppedServer(
        stopped=await with_progress(ctx, work, "stopping the local server")
    )
