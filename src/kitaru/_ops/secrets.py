"""Keep passwords and keys in the platform's secret store."""

from __future__ import annotations

from collections.abc import Mapping

from kitaru._core.secrecy import masking
from kitaru._core.secrecy.secret_rules import check_name, check_values
from kitaru._core.words.paging import window
from kitaru._engine.open import current_engine
from kitaru.errors import KitaruUsageError
from kitaru.models import Page, Secret, SecretInfo


def create(
    name: str, values: Mapping[str, str], *, private: bool = False
) -> SecretInfo:
    """Store a new secret; what comes back has no values.

    Raises:
        KitaruUsageError: If the name is taken, or name or values are not valid.
    """
    checked = check_values(check_name(name), values)
    masking.remember(checked)
    return current_engine().secrets.create(name, checked, private=private)


def put(
    name: str, values: Mapping[str, str], *, private: bool = False
) -> tuple[SecretInfo, bool]:
    """Store a new secret, or change keys of the one that exists.

    Returns what is known of it, and whether it is new. Keys that are not named stay as
    they are, and so does who may see it.

    Raises:
        KitaruUsageError: If name or values are not valid, or it would have to be made
            private.
    """
    checked = check_values(check_name(name), values)
    masking.remember(checked)
    secrets = current_engine().secrets
    if not secrets.exists(name):
        return secrets.create(name, checked, private=private), True
    existing = secrets.get(name)
    if private and not existing.private:
        raise KitaruUsageError(
            f"secret {name!r} exists and is shared; delete it first to make it private"
        )
    check_values(name, {**existing.values, **checked})
    return secrets.update(name, checked), False


def get(name: str) -> Secret:
    """Return a secret; its values are read on purpose only.

    Raises:
        KitaruUsageError: If there is none of that name.
    """
    found = current_engine().secrets.get(check_name(name))
    masking.remember(found.values)
    return found


def find(*, page: int, size: int, limit: int | None = None) -> Page[SecretInfo]:
    """Return one page of the secrets, by name, without keys and values.

    Raises:
        KitaruUsageError: For a page before the first, or an impossible size.
    """
    page, size = window(page=page, size=size, limit=limit)
    return current_engine().secrets.find(page=page, size=size)


def delete(name: str) -> None:
    """Delete a secret.

    Raises:
        KitaruUsageError: If there is none of that name.
    """
    current_engine().secrets.delete(check_name(name))
