"""Options that many commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from kitaru.cli.output import Format

Output = Annotated[Format, typer.Option("--output", "-o", help="text or json.")]
PageNumber = Annotated[int, typer.Option("--page", help="Page number, from 1.")]
PageSize = Annotated[int, typer.Option("--size", help="Items per page.")]
BudgetUsd = Annotated[
    float | None,
    typer.Option("--budget-usd", help="What it may spend on models before it asks."),
]
BudgetTokens = Annotated[
    int | None, typer.Option("--budget-tokens", help="The same in tokens.")
]
Limit = Annotated[
    int | None, typer.Option("--limit", help="The first so many; short for page 1.")
]
Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Do not ask; needed where nobody can answer."),
]
