"""Service accounts and API keys of the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from zenml.client import Client
from zenml.exceptions import EntityExistsError, IllegalOperationError
from zenml.models import APIKeyResponse, ServiceAccountResponse
from zenml.zen_stores.rest_zen_store import RestZenStore

from kitaru._core.words import paging
from kitaru._engine.zenml.connection import local_server
from kitaru._engine.zenml.setup import pages
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruBackendError, KitaruStateError, KitaruUsageError
from kitaru.models import ApiKey, NewApiKey, Page, ServiceAccount

T = TypeVar("T")


class ZenMLAccounts:
    """ZenML's service accounts and keys.

    Raises:
        KitaruStateError: If there is no server that they could be for.
    """

    def __init__(self) -> None:
        with translated("reading the connection"):
            client = Client()
            has_server = isinstance(client.zen_store, RestZenStore)
        if not has_server and local_server.find() is None:
            raise KitaruStateError(
                "service accounts and API keys are for a server, and this is the local "
                "store; start or join a server first with: kitaru login [URL]"
            )
        self._client = client

    def create(self, name: str, *, description: str = "") -> ServiceAccount:
        return _account(
            _asked(
                f"creating service account {name!r}",
                lambda: self._client.create_service_account(
                    _named(name), description=description
                ),
            )
        )

    def get(self, account: str) -> ServiceAccount:
        return _account(self._found(account))

    def find(
        self,
        *,
        page: int = 1,
        size: int = paging.DEFAULT_SIZE,
        limit: int | None = None,
    ) -> Page[ServiceAccount]:
        page, size = paging.window(page=page, size=size, limit=limit)
        found = _asked(
            "listing service accounts",
            lambda: pages.read(
                lambda number, most: self._client.list_service_accounts(
                    sort_by="asc:created", page=number, size=most, hydrate=True
                ),
                page=page,
                size=size,
            ),
        )
        items = tuple(_account(item) for item in found.items)
        return Page(items=items, total=found.total, page=page, size=size)

    def update(
        self,
        account: str,
        *,
        name: str | None = None,
        description: str | None = None,
        active: bool | None = None,
    ) -> ServiceAccount:
        _check_change(name, description, active)
        found = self._found(account)
        return _account(
            _asked(
                f"changing service account {account!r}",
                lambda: self._client.update_service_account(
                    found.id,
                    updated_name=None if name is None else _named(name),
                    description=description,
                    active=active,
                ),
            )
        )

    def delete(self, account: str) -> None:
        found = self._found(account)
        _asked(
            f"deleting service account {account!r}",
            lambda: self._client.delete_service_account(found.id),
        )

    def create_key(
        self, account: str, name: str, *, description: str = ""
    ) -> NewApiKey:
        owner = self._found(account)
        made = _asked(
            f"creating API key {name!r}",
            lambda: self._client.create_api_key(
                owner.id, _named(name), description=description
            ),
        )
        return _new_key(made)

    def get_key(self, account: str, key: str) -> ApiKey:
        return _key(self._found_key(account, key))

    def find_keys(
        self,
        account: str,
        *,
        page: int = 1,
        size: int = paging.DEFAULT_SIZE,
        limit: int | None = None,
    ) -> Page[ApiKey]:
        page, size = paging.window(page=page, size=size, limit=limit)
        owner = self._found(account)
        found = _asked(
            "listing API keys",
            lambda: pages.read(
                lambda number, most: self._client.list_api_keys(
                    owner.id,
                    sort_by="asc:created",
                    page=number,
                    size=most,
                    hydrate=True,
                ),
                page=page,
                size=size,
            ),
        )
        items = tuple(_key(item) for item in found.items)
        return Page(items=items, total=found.total, page=page, size=size)

    def update_key(
        self,
        account: str,
        key: str,
        *,
        name: str | None = None,
        description: str | None = None,
        active: bool | None = None,
    ) -> ApiKey:
        _check_change(name, description, active)
        found = self._found_key(account, key)
        return _key(
            _asked(
                f"changing API key {key!r}",
                lambda: self._client.update_api_key(
                    found.service_account.id,
                    found.id,
                    name=None if name is None else _named(name),
                    description=description,
                    active=active,
                ),
            )
        )

    def rotate_key(self, account: str, key: str, *, keep_minutes: int = 0) -> NewApiKey:
        if keep_minutes < 0:
            raise KitaruUsageError(
                f"the old value can stay valid for 0 minutes or more, not {keep_minutes}"
            )
        found = self._found_key(account, key)
        return _new_key(
            _asked(
                f"rotating API key {key!r}",
                lambda: self._client.rotate_api_key(
                    found.service_account.id,
                    found.id,
                    retain_period_minutes=keep_minutes,
                ),
            )
        )

    def delete_key(self, account: str, key: str) -> None:
        found = self._found_key(account, key)
        _asked(
            f"deleting API key {key!r}",
            lambda: self._client.delete_api_key(found.service_account.id, found.id),
        )

    def _found(self, account: str) -> ServiceAccountResponse:
        return _asked(
            f"reading service account {account!r}",
            lambda: self._client.get_service_account(
                account, allow_name_prefix_match=False
            ),
            missing=f"there is no service account {account!r}; see them with: kitaru auth "
            "service-accounts list",
        )

    def _found_key(self, account: str, key: str) -> APIKeyResponse:
        owner = self._found(account)
        return _asked(
            f"reading API key {key!r}",
            lambda: self._client.get_api_key(
                owner.id, key, allow_name_prefix_match=False
            ),
            missing=f"service account {account!r} has no API key {key!r}; see them with: "
            f"kitaru auth api-keys list {account}",
        )


def _named(name: str) -> str:
    if not name.strip():
        raise KitaruUsageError("the name must not be empty")
    return name


def _check_change(
    name: str | None, description: str | None, active: bool | None
) -> None:
    if name is None and description is None and active is None:
        raise KitaruUsageError(
            "nothing to change: give a new name, a description, or whether it is active"
        )


def _asked(doing: str, ask: Callable[[], T], *, missing: str | None = None) -> T:
    """Return what ZenML answers; what it refuses is an error of ours."""
    with translated(doing):
        try:
            return ask()
        except KeyError as error:
            if missing is None:
                raise
            raise KitaruUsageError(missing) from error
        except EntityExistsError as error:
            raise KitaruStateError(
                f"{doing} failed: one of that name exists; nothing was changed"
            ) from error
        except IllegalOperationError as error:
            raise KitaruBackendError(
                f"{doing} failed: your user may not do that ({error})"
            ) from error


def _account(found: ServiceAccountResponse) -> ServiceAccount:
    return ServiceAccount(
        account_id=str(found.id),
        name=found.name,
        description=found.description,
        active=found.active,
        created_at=_utc(found.created),
    )


def _key(found: APIKeyResponse) -> ApiKey:
    return ApiKey(
        key_id=str(found.id),
        name=found.name,
        service_account=found.service_account.name,
        description=found.description,
        active=found.active,
        created_at=_utc(found.created),
        last_used_at=_utc(found.last_login),
        last_rotated_at=_utc(found.last_rotated),
    )


def _new_key(found: APIKeyResponse) -> NewApiKey:
    # First: reading anything else may ask the server again, which tells it only once.
    value = found.key
    assert value is not None  # ZenML tells it at creation and rotation
    return NewApiKey(**_key(found).model_dump(), key=value)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None else None
