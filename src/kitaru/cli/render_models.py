"""Model aliases as text for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kitaru.cli import tables
from kitaru.models import ModelAlias, Page

if TYPE_CHECKING:
    from kitaru._ops.models import Registered


def aliases(page: Page[ModelAlias]) -> None:
    """Print a table of aliases, and how to see more."""
    tables.listing(
        page,
        ("ALIAS", "MODEL", "SECRET", "SETTINGS", "FROM"),
        lambda item: (
            item.alias,
            item.model,
            item.secret or "-",
            _settings(item),
            item.source,
        ),
        nothing="No model aliases. Make one with: kitaru model register ALIAS --model "
        "PROVIDER/MODEL",
    )


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
