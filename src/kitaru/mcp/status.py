"""Tools that say where things are."""

from __future__ import annotations

from typing import Any

from kitaru._ops import diagnostics
from kitaru._ops.capabilities import MCP, Op, exposes
from kitaru.mcp.records import InfoStatus
from kitaru.mcp.registry import READS, tool


@tool("kitaru_status", title="Show the status", effect=READS)
@exposes(Op.STATUS, on=MCP)
def status() -> dict[str, Any]:
    """Show connection, stack, versions, and how many executions run or need somebody."""
    return diagnostics.status()


@tool("kitaru_info", title="Find out what is broken", effect=READS)
@exposes(Op.INFO, on=MCP)
def info() -> InfoStatus:
    """Gather versions, folders, and what does not work, also where little works.

    Settings, variables and packages are left to `kitaru info`, typed by the user.
    """
    found = diagnostics.info()
    shown = found.model_dump(include=set(InfoStatus.model_fields))
    return InfoStatus.model_validate(shown)
