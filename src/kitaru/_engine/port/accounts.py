"""Service accounts and their API keys."""

from __future__ import annotations

from typing import Protocol

from kitaru.models import ApiKey, NewApiKey, Page, ServiceAccount


class Accounts(Protocol):
    """Accounts for programs; accounts and keys are named by name or id."""

    def create(self, name: str, *, description: str) -> ServiceAccount:
        """Create an account."""
        ...

    def get(self, account: str) -> ServiceAccount:
        """Return an account."""
        ...

    def find(self, *, page: int, size: int) -> Page[ServiceAccount]:
        """Return accounts, oldest first."""
        ...

    def update(
        self,
        account: str,
        *,
        name: str | None,
        description: str | None,
        active: bool | None,
    ) -> ServiceAccount:
        """Change what is given."""
        ...

    def delete(self, account: str) -> None:
        """Delete an account with its keys."""
        ...

    def create_key(self, account: str, name: str, *, description: str) -> NewApiKey:
        """Create a key; the only time its value is told."""
        ...

    def get_key(self, account: str, key: str) -> ApiKey:
        """Return a key without its value."""
        ...

    def find_keys(self, account: str, *, page: int, size: int) -> Page[ApiKey]:
        """Return the keys of an account, oldest first."""
        ...

    def update_key(
        self,
        account: str,
        key: str,
        *,
        name: str | None,
        description: str | None,
        active: bool | None,
    ) -> ApiKey:
        """Change what is given."""
        ...

    def rotate_key(self, account: str, key: str, *, keep_minutes: int) -> NewApiKey:
        """Give a key a new value; the old one may stay valid for a while."""
        ...

    def delete_key(self, account: str, key: str) -> None:
        """Delete a key."""
        ...
