"""Stacks of the platform."""

from __future__ import annotations

from typing import Protocol

from kitaru._core.stack_recipes import StackRecipe
from kitaru.models import DeletedStack, Stack, StackReport


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

    def create(self, recipe: StackRecipe, *, activate: bool) -> Stack:
        """Create a stack with components and connectors of its own.

        All of it or nothing.

        Raises:
            KitaruUsageError: If the name is taken, or a connector that it names is not
                there or of another provider.
            KitaruStackIntegrationDependencyError: If packages for a connector are
                missing.
            KitaruStateError: If it cannot become the active one.
        """
        ...

    def verify(self, name: str, *, seconds: float) -> StackReport:
        """Check credentials and reachability of each component, for so long.

        Raises:
            KitaruUsageError: If there is none of that name.
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
