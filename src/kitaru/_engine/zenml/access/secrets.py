"""Secrets in ZenML's secret store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from pydantic import SecretStr
from zenml.client import Client
from zenml.exceptions import EntityExistsError
from zenml.models import SecretRequest, SecretResponse, SecretUpdate

from kitaru._core.secrecy.secret_rules import without_values
from kitaru._core.words.similar import did_you_mean
from kitaru._engine.zenml.runs.statuses import utc
from kitaru._engine.zenml.setup import pages
from kitaru._engine.zenml.setup.errors import backend_error, translated
from kitaru.errors import (
    KitaruBackendError,
    KitaruError,
    KitaruFeatureNotAvailableError,
    KitaruUsageError,
)
from kitaru.models import Page, Secret, SecretInfo

T = TypeVar("T")

_KNOWN_NAMES = 200


class ZenMLSecrets:
    """The secrets that the connected store lets this user see."""

    def create(
        self, name: str, values: Mapping[str, str], *, private: bool
    ) -> SecretInfo:
        if self.exists(name):
            raise _exists(name)
        request = SecretRequest(name=name, values=_wrapped(values), private=private)
        stored = _without_trace(
            f"creating secret {name!r}",
            values,
            lambda: Client().zen_store.create_secret(request),
        )
        if stored is None:
            # Somebody else was faster.
            raise _exists(name)
        return _info(stored, keys=values)

    def update(self, name: str, values: Mapping[str, str]) -> SecretInfo:
        found = self._existing(name)
        update = SecretUpdate(name=name, values=_wrapped(values))
        stored = _without_trace(
            f"changing secret {name!r}",
            values,
            lambda: Client().zen_store.update_secret(found.id, update),
        )
        assert stored is not None  # only a new one can exist already
        return _info(stored, keys=stored.secret_values)

    def exists(self, name: str) -> bool:
        return self._find(name) is not None

    def get(self, name: str) -> Secret:
        found = self._existing(name)
        with translated(f"reading secret {name!r}"):
            whole = Client().zen_store.get_secret(found.id)
        if whole.has_missing_values:
            raise KitaruBackendError(
                f"the server does not let you read the values of secret {name!r}; ask "
                "an administrator for the permission"
            )
        return Secret.of(_info(whole, keys=()), whole.secret_values)

    def find(self, *, page: int, size: int) -> Page[SecretInfo]:
        with translated("listing secrets"):
            found = pages.read(
                lambda number, most: Client().list_secrets(
                    sort_by="asc:name", page=number, size=most
                ),
                page=page,
                size=size,
            )
        items = tuple(_info(item, keys=None) for item in found.items)
        return Page[SecretInfo](items=items, total=found.total, page=page, size=size)

    def delete(self, name: str) -> None:
        found = self._existing(name)
        with translated(f"deleting secret {name!r}"):
            try:
                Client().zen_store.delete_secret(found.id)
            except KeyError:
                # Somebody else was faster; it is gone.
                return

    def _existing(self, name: str) -> SecretResponse:
        found = self._find(name)
        if found is None:
            with translated("listing secrets"):
                page = Client().list_secrets(size=_KNOWN_NAMES)
            hint = did_you_mean(name, [item.name for item in page.items])
            raise KitaruUsageError(
                f"there is no secret {name!r}{hint or '; see them with: kitaru secrets list'}"
            )
        return found

    def _find(self, name: str) -> SecretResponse | None:
        """Return the secret of exactly that name; the user's own before a shared one."""
        with translated(f"looking for secret {name!r}"):
            try:
                page = Client().list_secrets(name=f"equals:{name}")
            except NotImplementedError:
                raise KitaruFeatureNotAvailableError(
                    "the server has no secret store; ask its administrator to set one up"
                ) from None
        return max(page.items, key=lambda item: item.private, default=None)


def _wrapped(values: Mapping[str, str]) -> dict[str, SecretStr | None]:
    return {key: SecretStr(value) for key, value in values.items()}


def _without_trace(
    doing: str, values: Mapping[str, str], store: Callable[[], T]
) -> T | None:
    """Return what `store` returns, `None` if the secret exists already.

    Errors of databases quote the statement with its parameters, so none of them stays
    attached to ours.
    """
    try:
        return store()
    except EntityExistsError:
        return None
    except KitaruError:
        raise
    # As in `translated`: ZenML's store has no common base class.
    except Exception as error:  # noqa: BLE001
        failure = backend_error(doing, error)
    raise KitaruBackendError(without_values(str(failure), values))


def _info(found: SecretResponse, *, keys: Iterable[str] | None) -> SecretInfo:
    return SecretInfo(
        secret_id=str(found.id),
        name=found.name,
        private=found.private,
        keys=None if keys is None else tuple(sorted(keys)),
        created_at=utc(found.created),
        updated_at=utc(found.updated),
    )


def _exists(name: str) -> KitaruUsageError:
    return KitaruUsageError(
        f"there is a secret {name!r} already; change its values with: kitaru secrets "
        f"set {name}, or delete it first"
    )
