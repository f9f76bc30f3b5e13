"""`kitaru model …`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from kitaru._core.words import paging
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import tables
from kitaru.cli.groups import group
from kitaru.cli.options import Limit, Output, PageNumber, PageSize
from kitaru.cli.output import Format, show_item, show_items
from kitaru.cli.screen import say
from kitaru.models import ModelAlias, Page

if TYPE_CHECKING:
    from kitaru._ops.language_models.aliases import Registered

app = group("Short names for language models.")


@app.command("list")
@exposes(Op.MODEL_LIST, on=CLI)
def list_models(
    page: PageNumber = 1,
    size: PageSize = paging.DEFAULT_SIZE,
    limit: Limit = None,
    output: Output = Format.TEXT,
) -> None:
    """List the model aliases."""
    from kitaru._ops.language_models import aliases

    found = aliases.list_aliases(page=page, size=size, limit=limit)
    show_items("model list", found.items, output, lambda: _print_aliases(found))


@app.command("register")
@exposes(Op.MODEL_REGISTER, on=CLI)
def register(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The short name.")],
    model: Annotated[
        str,
        typer.Option("--model", help="PROVIDER/MODEL, such as openai/gpt-5-mini."),
    ],
    secret: Annotated[
        str | None,
        typer.Option("--secret", help="Name of the secret with the provider's key."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--setting", help="NAME=VALUE, such as max_tokens=500; repeatable."
        ),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Let an alias stand for a model, in place of what it stood for."""
    from kitaru._core.language_models import aliases as alias_rules
    from kitaru._ops.language_models import aliases

    given = dict(alias_rules.setting(text) for text in setting or ())
    done = aliases.register(alias, model=model, secret=secret, given=given)
    text = _registered(done)
    show_item("model register", done.alias, output, lambda: _print(text))


def _print(text: list[str]) -> None:
    say(*text)


def _print_aliases(page: Page[ModelAlias]) -> None:
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


def _registered(done: Registered) -> list[str]:
    """Return what a registered alias means now, and what it meant before."""
    lines = [f"{done.alias.alias} stands for {_described(done.alias)}"]
    if done.before is not None and done.before != done.alias:
        lines.append(f"  before: {_described(done.before)}")
    if done.hidden_by is not None:
        lines.append(f"  here KITARU_MODEL_REGISTRY wins: {_described(done.hidden_by)}")
    return lines


def _described(alias: ModelAlias) -> str:
    secret = f", secret {alias.secret}" if alias.secret else ""
    settings = f", {_settings(alias)}" if alias.settings else ""
    return f"{alias.model}{secret}{settings}"


def _settings(alias: ModelAlias) -> str:
    return " ".join(f"{k}={json.dumps(v)}" for k, v in alias.settings.items()) or "-"
