"""`kitaru secrets`: keep passwords and keys out of code and terminals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import keyboard, render, secret_input, tables
from kitaru.cli.groups import group
from kitaru.cli.options import Limit, Output, PageNumber, PageSize, Yes
from kitaru.cli.output import Format, show_item, show_items
from kitaru.cli.screen import say
from kitaru.models import Page, Secret, SecretInfo

app = group("Keep passwords and keys in the secret store.")

Name = Annotated[str, typer.Argument(help="Name of the secret.")]


@app.command("set")
@exposes(Op.SECRET_CREATE, on=CLI)
def set_(
    name: Name,
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY|KEY=VALUE]...",
            help="KEY asks for the value without showing it; KEY=- reads it from stdin, "
            "KEY=@FILE from a file. KEY=VALUE is seen in the process list and the "
            "history of your shell.",
        ),
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option(help="A file with a JSON object, or with KEY=VALUE lines."),
    ] = None,
    private: Annotated[bool, typer.Option(help="Only you may read it.")] = False,
    output: Output = Format.TEXT,
) -> None:
    """Store a secret, or change values of one; keys that are not named stay."""
    from kitaru._ops import secrets

    given = secret_input.read(name, values or [], from_file)
    info, is_new = secrets.put(name, given, private=private)
    changed = sorted(given)

    def text() -> None:
        word = "stored" if is_new else "changed"
        say(f"{word} secret {info.name}: {', '.join(changed)}")

    item = {**info.model_dump(mode="json"), "created": is_new, "changed": changed}
    show_item("secrets set", item, output, text)


@app.command("show")
@exposes(Op.SECRET_READ, on=CLI)
def show(
    name: Name,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Print the values in the clear.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Show a secret and its keys; values only on request."""
    from kitaru._ops import secrets

    found = secrets.get(name)
    item = found.model_dump(mode="json")
    if show_values:
        item["values"] = found.values
    show_item("secrets show", item, output, lambda: _print(found, show_values))


@app.command("list")
@exposes(Op.SECRET_READ, on=CLI)
def list_(
    page: PageNumber = 1,
    size: PageSize = 20,
    limit: Limit = None,
    output: Output = Format.TEXT,
) -> None:
    """List the names of secrets."""
    from kitaru._ops import secrets

    found = secrets.find(page=page, size=size, limit=limit)
    show_items("secrets list", found.items, output, lambda: _print_page(found))


@app.command("delete")
@exposes(Op.SECRET_DELETE, on=CLI)
def delete(name: Name, yes: Yes = False, output: Output = Format.TEXT) -> None:
    """Delete a secret."""
    from kitaru._ops import secrets

    keyboard.confirm(f"Delete secret {name}?", yes=yes)
    secrets.delete(name)
    show_item(
        "secrets delete",
        {"name": name, "deleted": True},
        output,
        lambda: say(f"deleted secret {name}"),
    )


def _print(found: Secret, show_values: bool) -> None:
    whose = "private" if found.private else "shared"
    say(f"{found.name} ({whose})")
    for key, value in sorted(found.values.items()):
        say(f"  {key}: {value if show_values else '********'}")


def _print_page(page: Page[SecretInfo]) -> None:
    tables.listing(
        page,
        ("NAME", "FOR", "CHANGED"),
        lambda item: (
            item.name,
            "you" if item.private else "everybody",
            render.ago(item.updated_at),
        ),
        nothing="No secrets. Make one with: kitaru secrets set NAME KEY",
    )
