"""Secrets for flows: `create_secret`, `get_secret`, `delete_secret`."""

from __future__ import annotations

from collections.abc import Mapping

from kitaru._ops import secrets
from kitaru._ops.capabilities import SDK, Op, exposes
from kitaru.models import Secret, SecretInfo


@exposes(Op.SECRET_CREATE, on=SDK)
def create_secret(
    name: str, values: Mapping[str, str], *, private: bool = False
) -> SecretInfo:
    """Store a new secret and return what is known of it, without its values.

    Args:
        name: Letters, digits, `_`, `-`, `.`, `/`.
        values: Text by key, such as `{"API_KEY": "..."}`.
        private: Only you may read it, where the store has several users.

    Raises:
        KitaruUsageError: If the name is taken, or name or values are not valid.

    Example:
        >>> create_secret("openai", {"API_KEY": key})  # doctest: +SKIP
    """
    return secrets.create(name, values, private=private)


@exposes(Op.SECRET_READ, on=SDK)
def get_secret(name: str) -> Secret:
    """Return a secret; `secret["API_KEY"]` reads one value, `.values` all of them.

    Call it where the value is needed, in a checkpoint say: a secret cannot be passed
    into an execution or returned from a checkpoint.

    Raises:
        KitaruUsageError: If there is none of that name.

    Example:
        >>> get_secret("openai")["API_KEY"]  # doctest: +SKIP
    """
    return secrets.get(name)


@exposes(Op.SECRET_DELETE, on=SDK)
def delete_secret(name: str) -> None:
    """Delete a secret.

    Raises:
        KitaruUsageError: If there is none of that name.
    """
    secrets.delete(name)
