"""Manage service accounts and their API keys."""

from __future__ import annotations

from kitaru._core.words import paging
from kitaru._engine.open import current_engine
from kitaru._engine.port.accounts import Accounts
from kitaru.errors import KitaruUsageError
from kitaru.models import ApiKey, NewApiKey, Page, ServiceAccount


def create(name: str, *, description: str = "") -> ServiceAccount:
    """Create a service account.

    Raises:
        KitaruStateError: If there is no server, or an account of that name.
    """
    return _accounts().create(name, description=description)


def get(account: str) -> ServiceAccount:
    """Return a service account, by name or id.

    Raises:
        KitaruUsageError: If there is none.
    """
    return _accounts().get(account)


def find(
    *, page: int = 1, size: int = paging.DEFAULT_SIZE, limit: int | None = None
) -> Page[ServiceAccount]:
    """Return service accounts, oldest first."""
    page, size = paging.window(page=page, size=size, limit=limit)
    return _accounts().find(page=page, size=size)


def update(
    account: str,
    *,
    name: str | None = None,
    description: str | None = None,
    active: bool | None = None,
) -> ServiceAccount:
    """Change what is given of a service account.

    Raises:
        KitaruUsageError: If there is none, or nothing is given.
    """
    _check_change(name, description, active)
    return _accounts().update(
        account, name=name, description=description, active=active
    )


def delete(account: str) -> None:
    """Delete a service account with its keys.

    Raises:
        KitaruUsageError: If there is none.
    """
    _accounts().delete(account)


def create_key(account: str, name: str, *, description: str = "") -> NewApiKey:
    """Create an API key; its value is told this once.

    Raises:
        KitaruUsageError: If there is no such account.
        KitaruStateError: If it has a key of that name.
    """
    return _accounts().create_key(account, name, description=description)


def get_key(account: str, key: str) -> ApiKey:
    """Return an API key without its value.

    Raises:
        KitaruUsageError: If there is none.
    """
    return _accounts().get_key(account, key)


def find_keys(
    account: str,
    *,
    page: int = 1,
    size: int = paging.DEFAULT_SIZE,
    limit: int | None = None,
) -> Page[ApiKey]:
    """Return the API keys of an account, oldest first.

    Raises:
        KitaruUsageError: If there is no such account.
    """
    page, size = paging.window(page=page, size=size, limit=limit)
    return _accounts().find_keys(account, page=page, size=size)


def update_key(
    account: str,
    key: str,
    *,
    name: str | None = None,
    description: str | None = None,
    active: bool | None = None,
) -> ApiKey:
    """Change what is given of an API key.

    Raises:
        KitaruUsageError: If there is none, or nothing is given.
    """
    _check_change(name, description, active)
    return _accounts().update_key(
        account, key, name=name, description=description, active=active
    )


def rotate_key(account: str, key: str, *, keep_minutes: int = 0) -> NewApiKey:
    """Give an API key a new value, told this once.

    Args:
        account: Name or id of the service account.
        key: Name or id of the key.
        keep_minutes: How long the old value stays valid.

    Raises:
        KitaruUsageError: If there is none, or a time before now is given.
    """
    if keep_minutes < 0:
        raise KitaruUsageError(
            f"the old value can stay valid for 0 minutes or more, not {keep_minutes}"
        )
    return _accounts().rotate_key(account, key, keep_minutes=keep_minutes)


def delete_key(account: str, key: str) -> None:
    """Delete an API key.

    Raises:
        KitaruUsageError: If there is none.
    """
    _accounts().delete_key(account, key)


def _accounts() -> Accounts:
    return current_engine().accounts


def _check_change(
    name: str | None, description: str | None, active: bool | None
) -> None:
    if name is None and description is None and active is None:
        raise KitaruUsageError(
            "nothing to change: give a new name, a description, or whether it is active"
        )
