"""`kitaru model …`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kitaru._core import paging
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import render_models
from kitaru.cli.options import Limit, Output, PageNumber, PageSize
from kitaru.cli.output import Format, show_item, show_items

app = typer.Typer(help="Short names for language models.", no_args_is_help=True)


@app.command("list")
@exposes(Op.MODEL_LIST, on=CLI)
def list_models(
    page: PageNumber = 1,
    size: PageSize = paging.DEFAULT_SIZE,
    limit: Limit = None,
    output: Output = Format.TEXT,
) -> None:
    """List the model aliases."""
    from kitaru._ops import models

    found = models.list_aliases(page=page, size=size, limit=limit)
    show_items("model list", found.items, output, lambda: render_models.aliases(found))


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
    from kitaru._core import model_aliases
    from kitaru._ops import models

    given = dict(model_aliases.setting(text) for text in setting or ())
    done = models.register(alias, model=model, secret=secret, given=given)
    text = render_models.registered(done)
    show_item("model register", done.alias, output, lambda: _print(text))


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
