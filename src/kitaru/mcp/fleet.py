"""Tools that retry or cancel many executions with one call, and export one."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastmcp import Context
from pydantic import Field

from kitaru._ops import fleet, flow_targets, recordings
from kitaru._ops.capabilities import MCP, Op, exposes
from kitaru.mcp import wording
from kitaru.mcp.executions import FailedIn, FlowName, Since, Where, WithTags
from kitaru.mcp.parameters import ExecutionId
from kitaru.mcp.progress import with_progress
from kitaru.mcp.records import FleetResult
from kitaru.mcp.registry import READS, RUNS_CODE, project_of, tool
from kitaru.models import Recording

_SHOWN = 200
_MOST = 4_000


@tool("kitaru_executions_change_all", title="Retry or cancel many", effect=RUNS_CODE)
@exposes(Op.EXECUTION_MANY, on=MCP)
async def change_all(
    ctx: Context,
    action: Annotated[
        Literal["retry", "cancel"],
        Field(description="retry failed ones, or cancel running and waiting ones."),
    ],
    dry_run: Annotated[
        bool,
        Field(
            description="Only say which these are; do that first, and let the user see it."
        ),
    ],
    flow: FlowName = None,
    status: Annotated[
        Literal["running", "waiting", "failed"] | None,
        Field(description="Only with this status."),
    ] = None,
    tags: WithTags = None,
    where: Where = None,
    since: Since = None,
    failed_in: FailedIn = None,
) -> FleetResult:
    """Retry or cancel all executions that the filters mean; what one refuses stops no other.

    Flows outside the project are not retried.
    """
    work = partial(
        _changed,
        action,
        dry_run=dry_run,
        project=project_of(ctx),
        wanted={
            "flow": flow,
            "status": status,
            "tags": tags or (),
            "where": where,
            "since": since,
            "failed_in": failed_in,
        },
    )
    return await with_progress(ctx, work, f"{action} all")


@tool("kitaru_executions_export", title="Export a recording", effect=READS)
@exposes(Op.EXECUTION_EXPORT, on=MCP)
def export(exec_id: ExecutionId) -> Recording:
    """Show an execution as a recording that kitaru.testing.replay_recording replays.

    Long results are left out; the command writes them: kitaru executions export.
    """
    return recordings.export(exec_id, max_result=_MOST)


def _changed(
    action: fleet.Action, *, dry_run: bool, project: Any, wanted: dict[str, Any]
) -> FleetResult:
    found = fleet.plan(action, **wanted)
    if not dry_run:
        # To stop something runs no code of its flow.
        check = (
            partial(flow_targets.check_execution, project=project)
            if action == "retry"
            else None
        )
        found = fleet.carry_out(found, surface="mcp", check=check)
    items = tuple(
        one.model_copy(
            update={"reason": one.reason and wording.for_assistants(one.reason)}
        )
        for one in found[:_SHOWN]
    )
    notes = []
    if dry_run and found:
        notes.append("nothing was changed; call again with dry_run=false to do it")
    if len(found) > _SHOWN:
        notes.append(f"the first {_SHOWN} of {len(found)} are shown")
    return FleetResult(items=items, total=len(found), notes=tuple(notes))
