"""The tool that says what this server works with."""

from __future__ import annotations

from typing import Any

from kitaru._ops import diagnostics
from kitaru._ops.capabilities import MCP, Op, exposes
from kitaru.mcp.registry import READS, tool


@tool("kitaru_status", title="Show the status", effect=READS)
@exposes(Op.STATUS, on=MCP)
def status() -> dict[str, Any]:
    """Show connection, stack, versions, and how many executions run or need somebody."""
    return diagnostics.status()
