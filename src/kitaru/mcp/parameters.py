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
FlowTarget = Annotated[
    str,
    Field(
        description="The flow, as file:flow or module:flow below the project folder, "
        "such as flows/research.py:research_agent or my_package.flows:main."
    ),
]
Stack = Annotated[
    str | None, Field(description="Stack to run on; the flow's own by default.")
]
Key = Annotated[
    str | None,
    Field(
        description="What it is for, such as order-17: if there is an execution of "
        "this flow with the key, that one comes back and nothing is started."
    ),
]
NewTags = Annotated[list[str] | None, Field(description="Words to list it by later.")]
NewAttributes = Annotated[
    dict[str, str | float | bool] | None,
    Field(description='Names with values to list it by: {"customer": "a"}.'),
]
Budget = Annotated[
    dict[str, int | float] | None,
    Field(description='What it may spend on models before it asks: {"usd": 5}.'),
]
WaitSeconds = Annotated[
    float,
    Field(
        ge=0,
        le=600,
        description="Stay at most so long until it has ended or waits for an answer; 0 "
        "returns at once. When time is up it goes on all the same.",
    ),
]
