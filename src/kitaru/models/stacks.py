"""Stacks and their components."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kitaru.models.base import Record


class StackComponent(Record):
    """One part of a stack: an orchestrator, an artifact store, …

    Attributes:
        component_id: Its id.
        name: Its name, unique among those of its type.
        flavor: ZenML's name of what it is made with, such as `local`, `kubernetes` or
            `s3`.
        connector: Name of the service connector with its credentials; `None` if it has
            none.
        settings: Those that say where it is, such as `path`, `uri` or `region`; no
            secrets.
    """

    component_id: str
    name: str
    flavor: str
    connector: str | None = None
    settings: dict[str, str] = Field(default_factory=dict)


class Stack(Record):
    """Where flows run and where their values go.

    Attributes:
        stack_id: Its id.
        name: Its name, unique.
        is_local: Whether flows run and values stay on this machine.
        active: Whether it is the active one here.
        active_from: What makes it the active one: the `execution` that runs here, a
            variable of the `environment`, the `project` folder (made by `zenml init`),
            or the `configuration` of this user; `None` if it is not active.
        active_place: That variable, folder or file; `None` if there is none.
        components: Its parts by ZenML's type, such as `orchestrator` or
            `artifact_store`.
        labels: Labels by key.
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
    """What went with a stack, and which one is active now.

    Attributes:
        name: The stack that was deleted.
        components: Its parts that went with it, as `type name`.
        connectors: Names of the service connectors that went with it.
        active: Name of the stack that is active now.
    """

    name: str
    components: tuple[str, ...] = ()
    connectors: tuple[str, ...] = ()
    active: str


class ComponentCheck(Record):
    """Whether a component of a stack can be reached, as far as somebody could tell.

    Attributes:
        kind: Its type, such as `orchestrator` or `artifact_store`.
        name: Its name.
        flavor: ZenML's name of what it is made with.
        status: `ok`, `failed`, or `not checked` where nobody could be asked.
        reason: What was found, for people.
    """

    kind: str
    name: str
    flavor: str
    status: Literal["ok", "failed", "not checked"]
    reason: str


class StackReport(Record):
    """What a check of a stack found, component by component.

    Attributes:
        stack: Name of the stack.
        ok: Whether no component has failed.
        checks: One for each component.
    """

    stack: str
    ok: bool
    checks: tuple[ComponentCheck, ...]
