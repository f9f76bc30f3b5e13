"""`KitaruClient().auth`: accounts for programs, and their keys."""

from __future__ import annotations

from kitaru._ops.accounts import accounts
from kitaru._ops.capabilities import CLIENT, Op, exposes
from kitaru._ops.connection import Place
from kitaru.models import ApiKey, NewApiKey, ServiceAccount

# `list` shadows the builtin inside the classes below.
_ServiceAccounts = list[ServiceAccount]
_ApiKeys = list[ApiKey]


class Auth:
    """`client.auth`."""

    def __init__(self, place: Place) -> None:
        self.service_accounts = ServiceAccounts(place)
        self.api_keys = ApiKeys(place)


class ServiceAccounts:
    """`client.auth.service_accounts`; an account is named by its name or id.

    Raises:
        KitaruStateError: All methods, where there is no server.
        KitaruUsageError: All methods, for an account that is not there.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    @exposes(Op.ACCOUNT_MANAGE, on=CLIENT)
    def create(self, name: str, *, description: str = "") -> ServiceAccount:
        """Create an account.

        Raises:
            KitaruStateError: If one of that name exists.
        """
        return self._place.run(lambda: accounts().create(name, description=description))

    @exposes(Op.ACCOUNT_MANAGE, on=CLIENT)
    def get(self, account: str) -> ServiceAccount:
        """Return an account."""
        return self._place.run(lambda: accounts().get(account))

    @exposes(Op.ACCOUNT_MANAGE, on=CLIENT)
    def list(
        self, *, limit: int | None = None, page: int = 1, size: int = 20
    ) -> _ServiceAccounts:
        """Return accounts, oldest first."""
        found = self._place.run(
            lambda: accounts().find(page=page, size=size, limit=limit)
        )
        return [*found.items]

    @exposes(Op.ACCOUNT_MANAGE, on=CLIENT)
    def update(
        self,
        account: str,
        *,
        name: str | None = None,
        description: str | None = None,
        active: bool | None = None,
    ) -> ServiceAccount:
        """Change what is given; an account that is not active cannot log in."""
        return self._place.run(
            lambda: accounts().update(
                account, name=name, description=description, active=active
            )
        )

    @exposes(Op.ACCOUNT_MANAGE, on=CLIENT)
    def delete(self, account: str) -> None:
        """Delete an account with its keys."""
        self._place.run(lambda: accounts().delete(account))


class ApiKeys:
    """`client.auth.api_keys`; account and key are named by their name or id.

    Raises:
        KitaruStateError: All methods, where there is no server.
        KitaruUsageError: All methods, for an account or a key that is not there.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    @exposes(Op.API_KEY_MANAGE, on=CLIENT)
    def create(self, account: str, name: str, *, description: str = "") -> NewApiKey:
        """Create a key; `.key` is its value, told this once.

        Raises:
            KitaruStateError: If the account has one of that name.
        """
        return self._place.run(
            lambda: accounts().create_key(account, name, description=description)
        )

    @exposes(Op.API_KEY_MANAGE, on=CLIENT)
    def get(self, account: str, key: str) -> ApiKey:
        """Return a key without its value."""
        return self._place.run(lambda: accounts().get_key(account, key))

    @exposes(Op.API_KEY_MANAGE, on=CLIENT)
    def list(
        self, account: str, *, limit: int | None = None, page: int = 1, size: int = 20
    ) -> _ApiKeys:
        """Return the keys of an account, oldest first."""
        found = self._place.run(
            lambda: accounts().find_keys(account, page=page, size=size, limit=limit)
        )
        return [*found.items]

    @exposes(Op.API_KEY_MANAGE, on=CLIENT)
    def update(
        self,
        account: str,
        key: str,
        *,
        name: str | None = None,
        description: str | None = None,
        active: bool | None = None,
    ) -> ApiKey:
        """Change what is given; a key that is not active cannot log in."""
        return self._place.run(
            lambda: accounts().update_key(
                account, key, name=name, description=description, active=active
            )
        )

    @exposes(Op.API_KEY_MANAGE, on=CLIENT)
    def rotate(self, account: str, key: str, *, keep_minutes: int = 0) -> NewApiKey:
        """Give a key a new value, told this once.

        Args:
            account: Name or id of the account.
            key: Name or id of the key.
            keep_minutes: How long the old value stays valid.
        """
        return self._place.run(
            lambda: accounts().rotate_key(account, key, keep_minutes=keep_minutes)
        )

    @exposes(Op.API_KEY_MANAGE, on=CLIENT)
    def delete(self, account: str, key: str) -> None:
        """Delete a key."""
        self._place.run(lambda: accounts().delete_key(account, key))
