"""Tools for deployed versions of flows: make, look at, tag, delete and invoke them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastmcp import Context
from pydantic import Field

from kitaru._core.words import paging
from kitaru._ops import deployments as ops
from kitaru._ops.capabilities import MCP, Op, exposes
from kitaru.mcp import portions
from kitaru.mcp.executions import result_of
from kitaru.mcp.parameters import (
    Budget,
    FlowTarget,
    Key,
    Limit,
    NewAttributes,
    NewTags,
    PageNumber,
    PageSize,
    Stack,
    WaitSeconds,
)
from kitaru.mcp.progress import in_thread
from kitaru.mcp.records import DeploymentResult, ExecutionResult, Listing
from kitaru.mcp.registry import READS, RUNS_CODE, Effect, project_of, tool
from kitaru.models import Deployment

FlowName = Annotated[str, Field(description="Name of the deployed flow.")]
Number = Annotated[int, Field(ge=1, description="Number of the version.")]
Version = Annotated[
    int | None, Field(ge=1, description="Number of the version; goes without a tag.")
]
Tag = Annotated[
    str | None, Field(description="A tag of the version; `default` if none is said.")
]


@tool("kitaru_deployments_deploy", title="Deploy a flow", effect=RUNS_CODE)
@exposes(Op.DEPLOYMENT_CREATE, on=MCP)
async def deploy(
    ctx: Context,
    target: FlowTarget,
    tags: Annotated[
        list[str] | None,
        Field(description="More tags; they move here from earlier versions."),
    ] = None,
    stack: Stack = None,
) -> DeploymentResult:
    """Make the next version of a flow of the project; it becomes the default one.

    Its code is what git does not ignore in the project folder, as it is now. Nothing
    runs until the version is invoked.
    """
    work = partial(
        ops.deploy,
        target,
        project=project_of(ctx),
        tags=tuple(tags or ()),
        stack=stack,
    )
    made = await in_thread(work)
    return DeploymentResult(deployment=made.deployment, notes=made.notes)


@tool("kitaru_deployments_invoke", title="Invoke a deployed flow", effect=RUNS_CODE)
@exposes(Op.DEPLOYMENT_INVOKE, on=MCP)
async def invoke(
    ctx: Context,
    flow: FlowName,
    inputs: Annotated[
        dict[str, Any] | None,
        Field(description="Inputs of the flow by name, as its schema asks for them."),
    ] = None,
    version: Version = None,
    tag: Tag = None,
    key: Key = None,
    tags: NewTags = None,
    attributes: NewAttributes = None,
    budget: Budget = None,
    wait_seconds: WaitSeconds = 0,
) -> ExecutionResult:
    """Start an execution of a deployed version, with the code that was deployed.

    Inputs are checked against the version's schema before anything starts. Returns at
    once with the execution, which goes on whatever becomes of this call.
    """
    work = partial(
        ops.invoke,
        flow=flow,
        version=version,
        tag=tag,
        inputs=inputs,
        budget=budget,
        found_by={"key": key, "tags": tags, "attributes": attributes},
    )
    started = await in_thread(work)
    return await result_of(ctx, started.exec_id, wait_seconds, *started.notes)


@tool("kitaru_deployments_list", title="List deployed versions", effect=READS)
@exposes(Op.DEPLOYMENT_LIST, on=MCP)
def list_deployments(
    flow: Annotated[
        str | None, Field(description="Only versions of this flow.")
    ] = None,
    page: PageNumber = 1,
    size: PageSize = paging.DEFAULT_SIZE,
    limit: Limit = None,
) -> Listing[Deployment]:
    """List deployed versions of flows: by flow, the newest first."""
    return portions.listing(ops.pages(flow=flow, page=page, size=size, limit=limit))


@tool(
    "kitaru_deployments_get",
    title="Show a deployed version",
    effect=READS,
    is_full=True,
)
@exposes(Op.DEPLOYMENT_GET, on=MCP)
def get(flow: FlowName, version: Version = None, tag: Tag = None) -> DeploymentResult:
    """Show a deployed version: the schema of its inputs, tags, code, who deployed it."""
    return DeploymentResult(deployment=ops.get(flow=flow, version=version, tag=tag))


@tool(
    "kitaru_deployments_delete",
    title="Delete a deployed version",
    effect=Effect(
        read_only=False, destructive=True, idempotent=False, open_world=False
    ),
)
@exposes(Op.DEPLOYMENT_DELETE, on=MCP)
def delete(flow: FlowName, version: Number) -> DeploymentResult:
    """Delete a version. Executions of it go on; its number is not used again."""
    living = ops.living_executions(flow=flow, version=version)
    gone = ops.delete(flow=flow, version=version)
    notes = tuple(f"execution {one.exec_id} goes on" for one in living)
    return DeploymentResult(deployment=gone, notes=notes)


_TAGS = Effect(read_only=False, destructive=True, idempotent=True, open_world=False)


@tool("kitaru_deployments_tag", title="Tag a deployed version", effect=_TAGS)
@exposes(Op.DEPLOYMENT_TAG, on=MCP)
def tag(
    flow: FlowName,
    version: Number,
    tag: Annotated[str, Field(description="The tag: `default`, or one of your own.")],
    exclusive: Annotated[
        bool, Field(description="Take it from all other versions of the flow.")
    ] = False,
) -> DeploymentResult:
    """Give a version a tag. `default` moves: that is how a rollback is done."""
    found = ops.tag(flow=flow, version=version, tag=tag, exclusive=exclusive)
    return DeploymentResult(deployment=found)


@tool("kitaru_deployments_untag", title="Take a tag from a version", effect=_TAGS)
@exposes(Op.DEPLOYMENT_TAG, on=MCP)
def untag(
    flow: FlowName,
    version: Number,
    tag: Annotated[str, Field(description="The tag; `default` can only be moved.")],
) -> DeploymentResult:
    """Take a tag from a version."""
    return DeploymentResult(deployment=ops.untag(flow=flow, version=version, tag=tag))
