"""Toolsets an agent has or gets for a run: each with an id, in its durable form."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from pydantic_ai.toolsets import AbstractToolset, DynamicToolset, FunctionToolset

from kitaru.errors import KitaruUsageError

Toolset = AbstractToolset[Any]


def durable(toolset: Toolset, wrap: Callable[[Toolset], Toolset | None]) -> Toolset:
    """Return a tree of toolsets with all that run tools in their durable form.

    Args:
        toolset: The tree, as PydanticAI put it together for one run; it stays as it is.
        wrap: Makes the durable form of a toolset that has an id.

    Raises:
        KitaruUsageError: If two toolsets have the same id.
    """
    forms: dict[int, Toolset] = {}
    owners: dict[str, Toolset] = {}

    def form_of(leaf: Toolset) -> Toolset:
        if not _runs_tools(leaf):
            return leaf
        if id(leaf) not in forms:
            # By its place, which is the same for the same agent.
            named = (
                leaf if _chosen_id(leaf) else _with_id(leaf, f"toolset_{len(forms)}")
            )
            toolset_id = named.id or ""
            if owners.setdefault(toolset_id, leaf) is not leaf:
                raise KitaruUsageError(
                    f"two toolsets of the agent have the id {toolset_id!r}; their calls "
                    "could not be told apart. Give one of them another id"
                )
            forms[id(leaf)] = wrap(named) or leaf
        return forms[id(leaf)]

    return toolset.visit_and_replace(form_of)


def _runs_tools(toolset: Toolset) -> bool:
    return isinstance(toolset, FunctionToolset | DynamicToolset) or _is_mcp(toolset)


def _is_mcp(toolset: Toolset) -> bool:
    # Known by name: its module needs an extra of PydanticAI.
    return any(base.__name__ == "MCPToolset" for base in type(toolset).__mro__)


def _chosen_id(toolset: Toolset) -> str | None:
    # There is no public way to tell a chosen id from one made of a server's address.
    return toolset._explicit_id


def _with_id(toolset: Toolset, toolset_id: str) -> Toolset:
    """Return a copy that has an id; the user's own toolset stays as it is.

    Tools added to the original later are in the copy as well.
    """
    named: Any = copy.copy(toolset)
    if _is_mcp(toolset):
        named.id = toolset_id
        # As PydanticAI does for its own copies: a lock belongs to one of them.
        vars(named).pop("_enter_lock", None)
    else:
        named._id = toolset_id
    return named  # type: ignore[no-any-return]  # a copy of a toolset
