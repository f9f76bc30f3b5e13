"""Tools that say where things are, what is broken, and what could go."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from kitaru._ops import cleaning, diagnostics
from kitaru._ops.capabilities import MCP, Op, exposes
from kitaru.mcp import portions
from kitaru.mcp.records import CleanPreview, InfoStatus
from kitaru.mcp.registry import READS, tool
from kitaru.models import CleanScope


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


@tool("kitaru_clean_preview", title="See what cleaning would remove", effect=READS)
@exposes(Op.CLEAN, on=MCP)
def clean_preview(
    scope: Annotated[
        CleanScope,
        Field(
            description="Executions of this project, Kitaru's own files (global), or "
            "executions of every folder (all)."
        ),
    ] = CleanScope.PROJECT,
) -> CleanPreview:
    """Show what `kitaru clean` would remove and keep. Nothing changes.

    Cleaning itself is left to the user, at the `kitaru` command.
    """
    return portions.clean_preview(cleaning.plan_clean(scope))
