"""Tools for stacks: where flows run. Choosing the active one is left to people."""

from __future__ import annotations

from typing import Annotated, Any, Literal, assert_never

from pydantic import Field

from kitaru._core.words import paging
from kitaru._ops import stacks
from kitaru._ops.capabilities import MCP, Op, exposes
from kitaru.mcp import portions
from kitaru.mcp.parameters import Limit, PageNumber, PageSize
from kitaru.mcp.records import Listing, StackChange
from kitaru.mcp.registry import READS, Effect, tool
from kitaru.models import Stack


@tool("kitaru_stacks_list", title="List stacks", effect=READS)
@exposes(Op.STACK_LIST, on=MCP)
def list_stacks(
    page: PageNumber = 1, size: PageSize = paging.DEFAULT_SIZE, limit: Limit = None
) -> Listing[Stack]:
    """List stacks by name: where flows run, and where their values go."""
    return portions.listing(stacks.find(page=page, size=size, limit=limit))


@tool(
    "manage_stack",
    title="Create or delete a stack",
    effect=Effect(
        read_only=False, destructive=True, idempotent=False, open_world=False
    ),
)
@exposes(Op.STACK_CREATE, on=MCP)
@exposes(Op.STACK_CREATE_REMOTE, on=MCP)
@exposes(Op.STACK_DELETE, on=MCP)
def manage(
    action: Annotated[
        Literal["create", "delete"], Field(description="What to do with the stack.")
    ],
    name: Annotated[str, Field(description="Name of the stack.")],
    type: Annotated[
        Literal["local", "kubernetes", "vertex", "sagemaker", "azureml"],
        Field(description="What to create."),
    ] = "local",
    settings: Annotated[
        dict[str, Any] | None,
        Field(
            description="Settings of a new remote stack, as in the file of `kitaru stack "
            "create --file`: artifact_store, container_registry, credentials and what "
            "the kind needs. What is missing is named by the error. Credentials are "
            "named, never given: {'secret': NAME} or {'connector': NAME}."
        ),
    ] = None,
    labels: Annotated[
        dict[str, str] | None, Field(description="Labels of a new stack.")
    ] = None,
    recursive: Annotated[
        bool, Field(description="Also delete components that no other stack uses.")
    ] = False,
    force: Annotated[
        bool, Field(description="Delete it even if active, or if executions ran on it.")
    ] = False,
) -> StackChange:
    """Create or delete a stack. A new one is not made the active one."""
    if action == "create":
        given = {**(settings or {}), "type": type, "name": name}
        made = stacks.create_from(
            given if labels is None else {**given, "labels": labels},
            place="settings",
            activate=False,
            only_named_credentials=True,
        )
        return StackChange(created=made)
    if action == "delete":
        return StackChange(
            deleted=stacks.delete(name, recursive=recursive, force=force)
        )
    assert_never(action)
