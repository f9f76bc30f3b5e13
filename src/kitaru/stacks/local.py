"""A local stack: flows run here, values go into a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from kitaru._core.stack_recipes import ComponentRecipe, StackRecipe
from kitaru.stacks.parts import Part


class LocalSpec(Part):
    """Settings of a local stack.

    Attributes:
        type: `local`.
        name: Name of the stack.
        labels: Labels of the stack by key; none by default.
    """

    type: Literal["local"] = "local"
    name: str
    labels: Mapping[str, str] = Field(default_factory=dict)

    def recipe(self) -> StackRecipe:
        """Return what it is made of."""
        return StackRecipe(
            self.name,
            (
                ComponentRecipe("orchestrator", "local"),
                ComponentRecipe("artifact_store", "local"),
            ),
            self.labels,
        )
