"""`kitaru auth …`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from kitaru._core.words import paging
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import keyboard, render, screen, tables
from kitaru.cli.groups import group
from kitaru.cli.options import Limit, Output, PageNumber, PageSize, Yes
from kitaru.cli.output import Format, show_item, show_items
from kitaru.cli.screen import say, tell
from kitaru.models import ApiKey, NewApiKey, ServiceAccount

app = group("Tokens, service accounts and API keys of a server.")
accounts_app = group("Accounts for programs.")
keys_app = group("API keys of a service account.")
app.add_typer(accounts_app, name="service-accounts")
app.add_typer(keys_app, name="api-keys")

Account = Annotated[
    str, typer.Argument(metavar="SERVICE_ACCOUNT", help="Its name or id.")
]
Key = Annotated[str, typer.Argument(metavar="KEY", help="Its name or id.")]
Name = Annotated[str, typer.Argument(metavar="NAME")]
Description = Annotated[str, typer.Option("--description")]
NewName = Annotated[str | None, typer.Option("--name", help="New name.")]
NewDescription = Annotated[str | None, typer.Option("--description")]
Active = Annotated[
    bool | None, typer.Option("--active/--inactive", help="Whether it may log in.")
]

_ACCOUNT_COLUMNS = ("NAME", "STATE", "CREATED", "DESCRIPTION")
_KEY_COLUMNS = ("NAME", "STATE", "CREATED", "USED", "ROTATED", "DESCRIPTION")


@app.command("token")
@exposes(Op.AUTH_TOKEN, on=CLI)
def token(output: Output = Format.TEXT) -> None:
    """Print a short-lived token for the server, and nothing else."""
    from kitaru._ops import connection

    found = connection.auth_token()
    if found is None:
        tell("No token is needed: there is no server that asks for one")
    show_item(
        "auth token",
        {"token": found},
        output,
        lambda: None if found is None else say(found),
    )


@accounts_app.command("create")
@exposes(Op.ACCOUNT_MANAGE, on=CLI)
def create_account(
    name: Name, description: Description = "", output: Output = Format.TEXT
) -> None:
    """Create a service account."""
    from kitaru._ops.accounts import accounts

    made = accounts().create(name, description=description)
    show_item("auth service-accounts create", made, output, lambda: _show_account(made))


@accounts_app.command("get")
@exposes(Op.ACCOUNT_MANAGE, on=CLI)
def get_account(account: Account, output: Output = Format.TEXT) -> None:
    """Show a service account."""
    from kitaru._ops.accounts import accounts

    found = accounts().get(account)
    show_item("auth service-accounts get", found, output, lambda: _show_account(found))


@accounts_app.command("list")
@exposes(Op.ACCOUNT_MANAGE, on=CLI)
def list_accounts(
    page: PageNumber = 1,
    size: PageSize = paging.DEFAULT_SIZE,
    limit: Limit = None,
    output: Output = Format.TEXT,
) -> None:
    """List service accounts, oldest first."""
    from kitaru._ops.accounts import accounts

    found = accounts().find(page=page, size=size, limit=limit)

    def text() -> None:
        tables.listing(
            found, _ACCOUNT_COLUMNS, _account_row, nothing="No service accounts."
        )

    show_items("auth service-accounts list", found.items, output, text)


@accounts_app.command("update")
@exposes(Op.ACCOUNT_MANAGE, on=CLI)
def update_account(
    account: Account,
    name: NewName = None,
    description: NewDescription = None,
    active: Active = None,
    output: Output = Format.TEXT,
) -> None:
    """Rename, describe, switch on or off a service account."""
    from kitaru._ops.accounts import accounts

    changed = accounts().update(
        account, name=name, description=description, active=active
    )
    show_item(
        "auth service-accounts update",
        changed,
        output,
        lambda: _show_account(changed),
    )


@accounts_app.command("delete")
@exposes(Op.ACCOUNT_MANAGE, on=CLI)
def delete_account(
    account: Account, yes: Yes = False, output: Output = Format.TEXT
) -> None:
    """Delete a service account with its keys."""
    from kitaru._ops.accounts import accounts

    keyboard.confirm(f"Delete service account {account!r} and its keys?", yes=yes)
    accounts().delete(account)
    show_item(
        "auth service-accounts delete",
        {"deleted": account},
        output,
        lambda: say(f"deleted service account {account}"),
    )


@keys_app.command("create")
@exposes(Op.API_KEY_MANAGE, on=CLI)
def create_key(
    account: Account,
    name: Name,
    description: Description = "",
    output: Output = Format.TEXT,
) -> None:
    """Create an API key and print its value, this once."""
    from kitaru._ops.accounts import accounts

    made = accounts().create_key(account, name, description=description)
    show_item("auth api-keys create", made, output, lambda: _show_value(made))


@keys_app.command("get")
@exposes(Op.API_KEY_MANAGE, on=CLI)
def get_key(account: Account, key: Key, output: Output = Format.TEXT) -> None:
    """Show an API key without its value."""
    from kitaru._ops.accounts import accounts

    found = accounts().get_key(account, key)
    show_item("auth api-keys get", found, output, lambda: _show_key(found))


@keys_app.command("list")
@exposes(Op.API_KEY_MANAGE, on=CLI)
def list_keys(
    account: Account,
    page: PageNumber = 1,
    size: PageSize = paging.DEFAULT_SIZE,
    limit: Limit = None,
    output: Output = Format.TEXT,
) -> None:
    """List the API keys of a service account, oldest first."""
    from kitaru._ops.accounts import accounts

    found = accounts().find_keys(account, page=page, size=size, limit=limit)

    def text() -> None:
        tables.listing(found, _KEY_COLUMNS, _key_row, nothing="No API keys.")

    show_items("auth api-keys list", found.items, output, text)


@keys_app.command("update")
@exposes(Op.API_KEY_MANAGE, on=CLI)
def update_key(
    account: Account,
    key: Key,
    name: NewName = None,
    description: NewDescription = None,
    active: Active = None,
    output: Output = Format.TEXT,
) -> None:
    """Rename, describe, switch on or off an API key."""
    from kitaru._ops.accounts import accounts

    changed = accounts().update_key(
        account, key, name=name, description=description, active=active
    )
    show_item("auth api-keys update", changed, output, lambda: _show_key(changed))


@keys_app.command("rotate")
@exposes(Op.API_KEY_MANAGE, on=CLI)
def rotate_key(
    account: Account,
    key: Key,
    keep_minutes: Annotated[
        int,
        typer.Option("--keep-minutes", help="How long the old value stays valid."),
    ] = 0,
    output: Output = Format.TEXT,
) -> None:
    """Give an API key a new value and print it, this once."""
    from kitaru._ops.accounts import accounts

    made = accounts().rotate_key(account, key, keep_minutes=keep_minutes)
    show_item("auth api-keys rotate", made, output, lambda: _show_value(made))


@keys_app.command("delete")
@exposes(Op.API_KEY_MANAGE, on=CLI)
def delete_key(
    account: Account, key: Key, yes: Yes = False, output: Output = Format.TEXT
) -> None:
    """Delete an API key."""
    from kitaru._ops.accounts import accounts

    keyboard.confirm(f"Delete API key {key!r} of {account!r}?", yes=yes)
    accounts().delete_key(account, key)
    show_item(
        "auth api-keys delete",
        {"deleted": key, "service_account": account},
        output,
        lambda: say(f"deleted API key {key} of {account}"),
    )


def _show_value(made: NewApiKey) -> None:
    # The value alone on stdout, so that a pipe gets just that.
    tell("Keep this value; it is not shown again:")
    say(made.key)


def _show_account(found: ServiceAccount) -> None:
    screen.table(_ACCOUNT_COLUMNS, [_account_row(found)])


def _account_row(item: ServiceAccount) -> tuple[str, ...]:
    return (
        item.name,
        _state(item.active),
        render.ago(item.created_at),
        item.description,
    )


def _show_key(found: ApiKey) -> None:
    screen.table(_KEY_COLUMNS, [_key_row(found)])


def _key_row(item: ApiKey) -> tuple[str, ...]:
    return (
        item.name,
        _state(item.active),
        render.ago(item.created_at),
        _when(item.last_used_at),
        _when(item.last_rotated_at),
        item.description,
    )


def _state(active: bool) -> str:
    return "active" if active else "inactive"


def _when(moment: datetime | None) -> str:
    return "never" if moment is None else render.ago(moment)
