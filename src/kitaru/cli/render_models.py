"""Model aliases as text for people."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from kitaru.cli.output import console
from kitaru.cli.render import next_page
from kitaru.models import ModelAlias, Page

if TYPE_CHECKING:
    from kitaru._ops.models import Registered


def aliases(page: Page[ModelAlias]) -> None:
    """Print a table of aliases, and how to see more."""
    from rich.table import Table
    from rich.text import Text

    if not page.items:
        sys.stdout.write(
            "No model aliases. Make one with: kitaru model register ALIAS --model "
            "PROVIDER/MODEL\n"
        )
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("ALIAS", "MODEL", "SECRET", "SETTINGS", "FROM"):
        table.add_column(column, overflow="fold")
    for item in page.items:
        cells = (
            item.alias,
            item.model,
            item.secret or "-",
            _settings(item),
            item.source,
        )
        table.add_row(*map(Text, cells))
    console().print(table)
    next_page(page)


def registered(done: Registered) -> str:
    """Return what a registered alias means now, and what it meant before."""
    lines = [f"{done.alias.alias} stands for {_described(done.alias)}"]
    if done.before is not None and done.before != done.alias:
        lines.append(f"  before: {_described(done.before)}")
    if done.hidden_by is not None:
        lines.append(f"  here KITARU_MODEL_REGISTRY wins: {_described(done.hidden_by)}")
    return "\n".join(lines)


def _described(alias: ModelAlias) -> str:
    secret = f", secret {alias.secret}" if alias.secret else ""
    settings = f", {_settings(alias)}" if alias.settings else ""
    return f"{alias.model}{secret}{settings}"


def _settings(alias: ModelAlias) -> str:
    return " ".join(f"{k}={json.dumps(v)}" for k, v in alias.settings.items()) or "-"
