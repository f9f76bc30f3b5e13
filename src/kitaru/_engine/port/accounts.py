"""Service accounts and their API keys."""

from __future__ import annotations

from typing import Protocol

from kitaru._core.words import paging
from kitaru.models import ApiKey, NewApiKey, Page, ServiceAccount


class Accounts(Protocol):
    """Accounts for programs; accounts and keys are named by name or id.

    Raises:
        KitaruUsageError: All methods, for an account, a key or a page that cannot be, and
            for a change of nothing.
    """

    def create(self, name: str, *, description: str = "") -> ServiceAccount:
        """Create an account.

        Raises:
            KitaruStateError: If there is one of that name.
        """
        ...

    def get(self, account: str) -> ServiceAccount:
        """Return an account."""
        ...

    def find(
        self,
        *,
        page: int = 1,
        size: int = paging.DEFAULT_SIZE,
        limit: int | None = None,
    ) -> Page[ServiceAccount]:
        """Return accounts, oldest first."""
        ...

    def update(
        self,
        account: str,
        *,
        name: str | None = None,
        description: str | None = None,
        active: bool | None = None,
    ) -> ServiceAccount:
        """Change what is given."""
        ...

    def delete(self, account: str) -> None:
        """Delete an account with its keys."""
        ...

    def create_key(
        self, account: str, name: str, *, description: str = ""
    ) -> NewApiKey:
        """Create a key; the only time its value is told.

        Raises:
            KitaruStateError: If the account has one of that name.
        """
        ...

    def get_key(self, account: str, key: str) -> ApiKey:
        """Return a key without its value."""
        ...

    def find_keys(
        self,
        account: str,
        *,
        page: int = 1,
        size: int = paging.DEFAULT_SIZE,
        limit: int | None = None,
    ) -> Page[ApiKey]:
        """Return the keys of an account, oldest first."""
        ...

    def update_key(
        self,
        account: str,
        key: str,
        *,
        name: str | None = None,
        description: str | None = None,
        active: bool | None = None,
    ) -> ApiKey:
        """Change what is given."""
        ...

    def rotate_key(self, account: str, key: str, *, keep_minutes: int = 0) -> NewApiKey:
        """Give a key a new value, told this once.

        Args:
            account: Name or id of the account.
            key: Name or id of the key.
            keep_minutes: How long the old value stays valid.
        """
        ...

    def delete_key(self, account: str, key: str) -> None:
        """Delete a key."""
        ...
