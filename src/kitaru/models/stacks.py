"""Stacks and their components."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kitaru.models.base import Record


class StackComponent(Record):
    """One part of a stack: an orchestrator, an artifact store, …

    `settings` are those that say where it is; `connector` keeps its credentials.
    """

    component_id: str
    name: str
    flavor: str
    connector: str | None = None
    settings: dict[str, str] = Field(default_factory=dict)


class Stack(Record):
    """Where flows run and where their values go; components by type.

    `active_from` says what makes it the active one: the `execution` that runs here, a
    variable of the `environment`, the `project` folder (made by `zenml init`), or the
    `configuration` of this user. `active_place` names that variable, folder or file.
    """

    stack_id: str
    name: str
    is_local: bool
    active: bool = False
    active_from: (
        Literal["execution", "environment", "project", "configuration"] | None
    ) = None
    active_place: str | None = None
    components: dict[str, tuple[StackComponent, ...]] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)


class DeletedStack(Record):
    """What went with a stack, and which one is active now."""

    name: str
    components: tuple[str, ...] = ()
    connectors: tuple[str, ...] = ()
    active: str


class ComponentCheck(Record):
    """Whether a component of a stack can be reached, as far as somebody could tell."""

    kind: str
    name: str
    flavor: str
    status: Literal["ok", "failed", "not checked"]
    reason: str


class StackReport(Record):
    """What a check of a stack found, component by component."""

    stack: str
    ok: bool
    checks: tuple[ComponentCheck, ...]
