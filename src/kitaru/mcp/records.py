"""What tools give back: the records of the client, in bounded portions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from kitaru.models import ArtifactRef, Execution, LogEntry, Record

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


class ExecutionPage(Record):
    """One page of executions, newest first, without their calls."""

    items: tuple[Execution, ...]
    total: int
    page: int
    size: int
    next_page: NextPage = None


class LogExcerpt(Record):
    """The last log entries, oldest first."""

    items: tuple[LogEntry, ...]
    notes: Notes = ()


class ArtifactPage(Record):
    """One page of the artifacts of an execution, in the order of its calls."""

    items: tuple[ArtifactRef, ...]
    total: int
    page: int
    size: int
    next_page: NextPage = None


class ArtifactValue(Record):
    """A stored value: whole as `value`, or a part of its text as `text`."""

    artifact: ArtifactRef
    value: Annotated[Any, Field(description="The whole value as JSON, if it fits.")] = (
        None
    )
    text: Annotated[
        str | None, Field(description="A part of the value as text, if it is longer.")
    ] = None
    text_format: Literal["json", "text"] = "json"
    total_characters: int
    next_offset: Annotated[
        int | None, Field(description="The `offset` to go on with; null at the end.")
    ] = None
    notes: Notes = ()
