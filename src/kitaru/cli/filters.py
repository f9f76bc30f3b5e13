"""Options that say which executions are meant."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kitaru._core.settings import labels
from kitaru.models import ExecutionStatus

FlowName = Annotated[
    str | None, typer.Option("--flow", help="Only executions of this flow.")
]
Status = Annotated[
    str | None,
    typer.Option(
        "--status",
        help="running, waiting, completed, failed or cancelled.",
        autocompletion=lambda: [status.value for status in ExecutionStatus],
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", help="Only with this tag; may be given several times."),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="NAME=VALUE",
        help="Only with this attribute; may be given several times.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", help="Only begun since: 30m, 12h, 2d, or 2026-11-29T08:00Z."
    ),
]
FailedIn = Annotated[
    str | None,
    typer.Option(
        "--failed-in", help="Only failed, and in this checkpoint or invocation id."
    ),
]


def asked(
    flow: str | None,
    status: str | None,
    tags: list[str] | None,
    where: list[str] | None,
    since: str | None,
    failed_in: str | None = None,
) -> dict[str, Any]:
    """Return the filters that were given, by the names of `executions.find`."""
    given = {
        "flow": flow,
        "status": status,
        "tags": tags,
        "where": labels.pairs(where or (), option="--where"),
        "since": since,
        "failed_in": failed_in,
    }
    return {name: value for name, value in given.items() if value}


def budget(usd: float | None, tokens: int | None) -> dict[str, float] | None:
    """Return the budget of `--budget-usd` and `--budget-tokens`, if there is one."""
    given = {"usd": usd, "tokens": tokens}
    return {name: value for name, value in given.items() if value is not None} or None
