"""Secrets of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from kitaru.models import Page, Secret, SecretInfo


class Secrets(Protocol):
    """The secret store. Names and values that come here have been checked."""

    def create(
        self, name: str, values: Mapping[str, str], *, private: bool
    ) -> SecretInfo:
        """Store a new secret.

        Raises:
            KitaruUsageError: If there is one of that name.
        """
        ...

    def update(self, name: str, values: Mapping[str, str]) -> SecretInfo:
        """Add keys or replace their values; other keys stay.

        Raises:
            KitaruUsageError: If there is none of that name.
        """
        ...

    def exists(self, name: str) -> bool:
        """Whether there is a secret of that name."""
        ...

    def get(self, name: str) -> Secret:
        """Return a secret with its values.

        Raises:
            KitaruUsageError: If there is none of that name.
        """
        ...

    def find(self, *, page: int, size: int) -> Page[SecretInfo]:
        """Return one page of the secrets, by name, without keys and values."""
        ...

    def delete(self, name: str) -> None:
        """Delete a secret.

        Raises:
            KitaruUsageError: If there is none of that name.
        """
        ...
