"""What tools give back: the records of the client, in bounded portions."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field

from kitaru.models import (
    ArtifactRef,
    DeletedStack,
    Deployment,
    Execution,
    FleetChange,
    LocalServer,
    LogEntry,
    Record,
    Stack,
)

T = TypeVar("T")

Notes = Annotated[
    tuple[str, ...], Field(description="What to know, and what to do next.")
]
NextPage = Annotated[
    int | None, Field(description="The `page` to ask for next; null on the last one.")
]


class ExecutionResult(Record):
    """One execution, with a page of its checkpoint calls."""

    execution: Execution
    checkpoints_total: int
    next_checkpoints_page: NextPage = None
    notes: Notes = ()


class Listing(Record, Generic[T]):
    """One page of a listing."""

    items: tuple[T, ...]
    total: int
    page: int
    size: int
    next_page: NextPage = None


class FleetResult(Record):
    """What was done to which executions, or would be."""

    items: tuple[FleetChange, ...]
    total: int
    notes: Notes = ()


class LogExcerpt(Record):
    """The last log entries, oldest first."""

    items: tuple[LogEntry, ...]
    notes: Notes = ()


class ArtifactValue(Record):
    """A stored value: whole as `value`, or a part of its text as `text`."""

    artifact: ArtifactRef
    value: Annotated[Any, Field(description="The whole value as JSON, if it fits.")] = (
        None
    )
    text: Annotated[
        str | None, Field(description="A part of the value as text, if it is longer.")
    ] = None
    text_format: Annotated[
        Literal["json", "text", "base64"],
        Field(description="What `text` is; base64 for a value of bytes."),
    ] = "json"
    total_characters: int
    next_offset: Annotated[
        int | None, Field(description="The `offset` to go on with; null at the end.")
    ] = None
    notes: Notes = ()


class DeploymentResult(Record):
    """One deployed version of a flow."""

    deployment: Deployment
    notes: Notes = ()


class StackChange(Record):
    """What was done: one of both."""

    created: Stack | None = None
    deleted: DeletedStack | None = None


class StoppedServer(Record):
    """The server that was stopped; null if none ran."""

    stopped: LocalServer | None = None
