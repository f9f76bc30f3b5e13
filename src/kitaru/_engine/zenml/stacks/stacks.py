"""The stacks of ZenML, and which one is active."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy.exc import SAWarning
from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.constants import ENV_ZENML_ACTIVE_STACK_ID
from zenml.enums import StackComponentType
from zenml.exceptions import EntityExistsError
from zenml.models import (
    ComponentResponse,
    ServiceConnectorResponse,
    StackResponse,
)

from kitaru._core.secrecy import masking
from kitaru._core.stack_recipes import StackRecipe
from kitaru._core.words.similar import did_you_mean
from kitaru._engine.settings import folders
from kitaru._engine.zenml.connection import scoped
from kitaru._engine.zenml.runs import statuses as zenml_statuses
from kitaru._engine.zenml.setup import pages
from kitaru._engine.zenml.setup.errors import translated
from kitaru._engine.zenml.stacks import attempts, checks, creation
from kitaru.errors import KitaruError, KitaruStateError, KitaruUsageError
from kitaru.models import (
    DeletedStack,
    ExecutionStatus,
    Stack,
    StackComponent,
    StackReport,
)

DEFAULT = "default"
_PAGE = 100
# Settings that say where a component is. Others may be secret, so they are not shown.
_SHOWN = (
    "path",
    "uri",
    "kubernetes_context",
    "kubernetes_namespace",
    "project",
    "location",
    "region",
    "execution_role",
    "subscription_id",
    "resource_group",
    "workspace",
)
_NEEDED = (StackComponentType.ORCHESTRATOR, StackComponentType.ARTIFACT_STORE)


class ZenMLStacks:
    """The stacks of the connected store."""

    def all(self) -> list[Stack]:
        active = self.active()
        return [_record(model, active) for model in _all()]

    def active(self) -> Stack:
        with translated("reading the active stack"):
            model = Client().active_stack_model
            return _record(model).model_copy(update=_reason())

    def get(self, name: str) -> Stack:
        return _record(_existing(name), self.active())

    def create(self, recipe: StackRecipe, *, activate: bool) -> Stack:
        if any(model.name == recipe.name for model in _all()):
            raise _taken(recipe.name)
        if activate:
            _refuse_if_environment_decides(recipe.name)
        try:
            created = creation.create(recipe)
        except EntityExistsError:
            raise _taken(recipe.name) from None
        if not activate:
            return _record(created, self.active())
        try:
            return self.use(recipe.name)
        except KitaruError:
            _delete(created, *_own_parts(created))
            raise

    def verify(self, name: str, *, seconds: float) -> StackReport:
        return checks.check(_existing(name), seconds=seconds)

    def use(self, name: str) -> Stack:
        model = _existing(name)
        _refuse_if_environment_decides(name)
        with translated(f"using stack {name!r}"):
            Client().activate_stack(model.id)
        return self.active()

    def delete(self, name: str, *, recursive: bool, force: bool) -> DeletedStack:
        model = _existing(name)
        if name == DEFAULT:
            raise KitaruUsageError(
                "the default stack cannot be deleted: ZenML falls back on it"
            )
        _refuse_if_in_use(model, force=force)
        if _is_active(model):
            _fall_back_to_default(model, force=force)
        going, connectors = _own_parts(model) if recursive else ([], [])
        _delete(model, going, connectors)
        return DeletedStack(
            name=name,
            components=tuple(f"{item.type.value} {item.name}" for item in going),
            connectors=tuple(connector.name for connector in connectors),
            active=self.active().name,
        )


def _all() -> list[StackResponse]:
    with translated("listing stacks"):
        stacks = pages.every(
            lambda number, size: Client().list_stacks(
                sort_by="asc:name", page=number, size=size, hydrate=True
            ),
            size=_PAGE,
        )
        return list(stacks)


def _existing(name: str) -> StackResponse:
    """Return the stack of exactly that name."""
    with translated(f"looking for stack {name!r}"):
        page = Client().list_stacks(name=f"equals:{name}", hydrate=True)
    if page.items:
        return page.items[0]
    known = [model.name for model in _all()]
    raise KitaruUsageError(
        f"there is no stack {name!r}{did_you_mean(name, known)} "
        f"(known: {', '.join(known)}); see them with: kitaru stack list"
    )


def _record(model: StackResponse, active: Stack | None = None) -> Stack:
    stack = Stack(
        stack_id=str(model.id),
        name=model.name,
        is_local=all(
            component.flavor_name == "local"
            for kind in _NEEDED
            for component in model.components.get(kind, [])
        ),
        components={
            kind.value: tuple(_component(item) for item in items)
            for kind, items in model.components.items()
        },
        labels={
            key: str(value)
            for key, value in (model.labels or {}).items()
            if key != attempts.LABEL
        },
    )
    if active is None or active.stack_id != stack.stack_id:
        return stack
    return active


def _component(item: ComponentResponse) -> StackComponent:
    return StackComponent(
        component_id=str(item.id),
        name=item.name,
        flavor=item.flavor_name,
        connector=item.connector.name if item.connector is not None else None,
        settings={
            key: masking.setting(key, str(item.configuration[key]))
            for key in _SHOWN
            if item.configuration.get(key)
        },
    )


def _reason() -> dict[str, object]:
    """Return what makes the active stack the active one, as fields of a record."""
    if scoped.stack() is not None:
        return {"active": True, "active_from": "execution"}
    if os.environ.get(ENV_ZENML_ACTIVE_STACK_ID):
        return _active("environment", ENV_ZENML_ACTIVE_STACK_ID)
    root = Client().root
    if root is not None:
        return _active("project", str(root))
    return _active("configuration", str(folders.config_folder() / "config.yaml"))


def _active(source: str, place: str) -> dict[str, object]:
    return {"active": True, "active_from": source, "active_place": place}


def _refuse_if_environment_decides(name: str) -> None:
    if scoped.stack() is not None:
        raise KitaruStateError(
            f"stack {name!r} cannot become the active one: the execution that runs here "
            "has a stack of its own; choose one before it starts, or after it has ended. "
            "Nothing was changed"
        )
    if os.environ.get(ENV_ZENML_ACTIVE_STACK_ID):
        raise KitaruStateError(
            f"stack {name!r} cannot become the active one: the variable "
            f"{ENV_ZENML_ACTIVE_STACK_ID} decides here; unset it first. Nothing was changed"
        )


def _refuse_if_in_use(model: StackResponse, *, force: bool) -> None:
    open_ = {
        status: _count_runs(model, zenml_statuses.words(status))
        for status in (ExecutionStatus.RUNNING, ExecutionStatus.WAITING)
    }
    if any(open_.values()):
        counts = " and ".join(
            f"{count} {status.value}" for status, count in open_.items() if count
        )
        raise KitaruStateError(
            f"stack {model.name!r} has executions that need it ({counts}); let them end "
            "or cancel them first. Nothing was deleted"
        )
    ended = _count_runs(model, None)
    if ended and not force:
        raise KitaruStateError(
            f"{ended} executions ran on stack {model.name!r}; they stay, but cannot be "
            "retried or replayed without it. Delete it anyway with --force (force=True)"
        )


def _count_runs(model: StackResponse, statuses: list[str] | None) -> int:
    chosen = None
    if statuses is not None:
        words = ", ".join(f'"{word}"' for word in statuses)
        chosen = f"oneof:[{words}]"
    with translated(f"looking for executions on stack {model.name!r}"):
        page = Client().list_pipeline_runs(stack_id=model.id, status=chosen, size=1)
    return page.total


def _is_active(model: StackResponse) -> bool:
    with translated("reading the active stack"):
        return model.id in (
            Client().active_stack_model.id,
            GlobalConfiguration().active_stack_id,
        )


def _fall_back_to_default(model: StackResponse, *, force: bool) -> None:
    """Make the default stack the active one wherever this one is."""
    if not force:
        raise KitaruStateError(
            f"stack {model.name!r} is the active one; use another first (kitaru stack use "
            f"{DEFAULT}), or delete it anyway with --force (force=True)"
        )
    _refuse_if_environment_decides(DEFAULT)
    default = _existing(DEFAULT)
    with translated(f"using stack {DEFAULT!r}"):
        if Client().active_stack_model.id == model.id:
            Client().activate_stack(default.id)
        if GlobalConfiguration().active_stack_id == model.id:
            GlobalConfiguration().set_active_stack(default)


def _own_parts(
    model: StackResponse,
) -> tuple[list[ComponentResponse], list[ServiceConnectorResponse]]:
    """Return the components no other stack uses, and connectors of nobody else's."""
    own = []
    connectors = {}
    with translated(f"looking at the components of stack {model.name!r}"):
        for items in model.components.values():
            for item in items:
                users = Client().list_stacks(component_id=item.id, size=2)
                is_default = item.name == DEFAULT
                if users.total == 1 and not is_default:
                    own.append(item)
                    if item.connector is not None:
                        connectors[item.connector.id] = item.connector
        going = {item.id for item in own}
        free = [
            connector
            for connector in connectors.values()
            if going.issuperset(_users_of(connector))
        ]
    return own, free


def _users_of(connector: ServiceConnectorResponse) -> Iterator[UUID]:
    """Yield the components that use a connector."""
    components = pages.every(
        lambda number, size: Client().list_stack_components(
            connector_id=connector.id, page=number, size=size
        ),
        size=_PAGE,
    )
    return (component.id for component in components)


def _delete(
    model: StackResponse,
    components: list[ComponentResponse],
    connectors: list[ServiceConnectorResponse],
) -> None:
    with translated(f"deleting stack {model.name!r}"), warnings.catch_warnings():
        # ZenML deletes the links of a stack twice, which SQLAlchemy remarks on.
        warnings.simplefilter("ignore", SAWarning)
        store = Client().zen_store
        try:
            store.delete_stack(model.id)
        except KeyError:
            # Somebody else was faster; it is gone.
            return
        for item in components:
            store.delete_stack_component(item.id)
        for connector in connectors:
            store.delete_service_connector(connector.id)


def _taken(name: str) -> KitaruUsageError:
    return KitaruUsageError(
        f"there is a stack {name!r} already; use it with: kitaru stack use {name}"
    )
