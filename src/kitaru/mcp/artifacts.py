"""Tools and a resource that show stored values."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kitaru._core.words import paging
from kitaru._ops import artifacts
from kitaru._ops.capabilities import MCP, Op, exposes
from kitaru.mcp import portions
from kitaru.mcp.parameters import ExecutionId, Limit, PageNumber, PageSize
from kitaru.mcp.records import ArtifactValue, Listing
from kitaru.mcp.registry import READS, tool
from kitaru.models import ArtifactRef

RESOURCE = "kitaru://artifacts/{artifact_id}"
_CHARACTERS = 20_000
_RESOURCE_CHARACTERS = 200_000

ArtifactId = Annotated[
    str, Field(description="Artifact id, as kitaru_artifacts_list gives it.")
]


@tool("kitaru_artifacts_list", title="List artifacts", effect=READS)
@exposes(Op.ARTIFACT_LIST, on=MCP)
def list_artifacts(
    exec_id: ExecutionId,
    name: Annotated[
        str | None,
        Field(description="Only this name; a result is named by its invocation id."),
    ] = None,
    kind: Annotated[
        str | None,
        Field(description="Only this serializer (json, …) or save type (prompt, …)."),
    ] = None,
    producing_call: Annotated[
        str | None, Field(description="Only artifacts of this call id.")
    ] = None,
    page: PageNumber = 1,
    size: PageSize = paging.DEFAULT_SIZE,
    limit: Limit = None,
) -> Listing[ArtifactRef]:
    """List the stored values of an execution: results of checkpoints, and saved ones."""
    found = paging.cut(
        artifacts.find(exec_id, name=name, kind=kind, producing_call=producing_call),
        page=page,
        size=size,
        limit=limit,
    )
    return portions.listing(found)


@tool("kitaru_artifacts_get", title="Read an artifact", effect=READS)
@exposes(Op.ARTIFACT_GET, on=MCP)
def get(
    artifact_id: ArtifactId,
    offset: Annotated[
        int, Field(ge=0, description="Where to begin, in characters of its text.")
    ] = 0,
    max_characters: Annotated[
        int, Field(ge=1, le=_RESOURCE_CHARACTERS, description="At most so many.")
    ] = _CHARACTERS,
) -> ArtifactValue:
    """Read a stored value: the whole of a short one, a portion of a long one.

    A value that is not JSON is shown as JSON as well as can be; bytes as base64 text.
    """
    found = artifacts.read(artifact_id, offset=offset, length=max_characters)
    if found.is_whole:
        return ArtifactValue(
            artifact=found.artifact,
            value=found.value,
            text=found.text if found.text_format == "base64" else None,
            text_format=found.text_format,
            total_characters=found.total,
        )
    end = offset + len(found.text)
    more = end < found.total
    rest = f"; the rest: offset={end}" if more else ""
    return ArtifactValue(
        artifact=found.artifact,
        text=found.text,
        text_format=found.text_format,
        total_characters=found.total,
        next_offset=end if more else None,
        notes=(f"characters {offset} to {end} of {found.total}{rest}",),
    )


def read_resource(artifact_id: str) -> str:
    """The stored value of an artifact of an execution, as text or JSON."""
    found = artifacts.read(artifact_id, offset=0, length=_RESOURCE_CHARACTERS)
    if found.is_whole:
        return found.text
    return (
        f"{found.text}\n[…characters {len(found.text)} to {found.total} are left out; "
        "read them with the tool kitaru_artifacts_get and `offset`]"
    )
