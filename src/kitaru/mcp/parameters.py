"""Parameters that many tools share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

ExecutionId = Annotated[
    str, Field(description="Execution id, or its beginning if that is unique.")
]
PageNumber = Annotated[int, Field(ge=1, description="Page number, from 1.")]
Limit = Annotated[
    int | None,
    Field(
        ge=1, le=100, description="The first so many; short for page 1 of that size."
    ),
]
PageSize = Annotated[int, Field(ge=1, le=100, description="Items per page.")]
