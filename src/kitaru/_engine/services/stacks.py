"""Stacks of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from kitaru.models import DeletedStack, Stack


class Stacks(Protocol):
    """The stacks of the connected store. Names that come here have been checked."""

    def all(self) -> list[Stack]:
        """Return all stacks, by name."""
        ...

    def active(self) -> Stack:
        """Return the active stack, and what makes it that."""
        ...

    def get(self, name: str) -> Stack:
        """Return a stack.

        Raises:
            KitaruUsageError: If there is none of that name.
        """
        ...

    def create_local(
        self, name: str, *, activate: bool, labels: Mapping[str, str]
    ) -> Stack:
        """Create a stack with an orchestrator and an artifact store of its own.

        All of it or nothing.

        Raises:
            KitaruUsageError: If the name is taken.
            KitaruStateError: If it cannot become the active one.
        """
        ...

    def use(self, name: str) -> Stack:
        """Make a stack the active one, for this project folder or this user.

        Raises:
            KitaruUsageError: If there is none of that name.
            KitaruStateError: If a variable of the environment decides.
        """
        ...

    def delete(self, name: str, *, recursive: bool, force: bool) -> DeletedStack:
        """Delete a stack.

        Raises:
            KitaruUsageError: If there is none of that name, or it is the default one.
            KitaruStateError: If it is active or has executions, and `force` is not
                given; always if executions on it have not ended.
        """
        ...
