"""Create a stack from its recipe: everything is looked at first, then one call."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from uuid import UUID

from zenml.client import Client
from zenml.enums import StackComponentType, StoreType
from zenml.exceptions import EntityExistsError
from zenml.models import (
    ComponentInfo,
    ServiceConnectorInfo,
    ServiceConnectorRequest,
    ServiceConnectorTypeModel,
    StackRequest,
    StackResponse,
)
from zenml.service_connectors.service_connector_registry import (
    service_connector_registry,
)
from zenml.stack.utils import validate_stack_component_config

from kitaru._core.secrecy.secret_rules import without_values
from kitaru._core.stack_recipes import (
    ComponentRecipe,
    Connector,
    KnownConnector,
    NewConnector,
    StackRecipe,
)
from kitaru._core.words.similar import did_you_mean
from kitaru._engine.zenml.setup.connectors import load_connectors
from kitaru._engine.zenml.setup.errors import (
    backend_error,
    missing_packages,
    translated,
)
from kitaru._engine.zenml.stacks import attempts
from kitaru.errors import (
    KitaruError,
    KitaruUsageError,
)

_NOTHING = "Nothing was created"


def create(recipe: StackRecipe) -> StackResponse:
    """Create a stack with components and connectors of its own, or nothing.

    Raises:
        KitaruUsageError: If a part of it can never work.
        KitaruStackIntegrationDependencyError: If packages for a connector are missing.
        EntityExistsError: If the name was taken in the meantime.
    """
    connectors = recipe.connectors
    doing = f"creating stack {recipe.name!r}"
    secrets = _secret_values(connectors)
    try:
        for component in recipe.components:
            _check_component(component)
        if connectors:
            load_connectors()
        found = [_connector(connector) for connector in connectors]
        parts = _components(recipe)
        attempts.remove_half_made()
        with _whole(), attempts.attempt() as labels:
            request = StackRequest(
                name=recipe.name,
                labels={**recipe.labels, **labels},
                service_connectors=found,
                components=parts,
            )
            # The store takes parts away again if it fails on the way, and a server goes
            # on without this client.
            return Client().zen_store.create_stack(request)
    except (KitaruError, EntityExistsError):
        raise
    # ZenML has no common base class. What it says may quote credentials, and so may the
    # error that ours would be raised from.
    except Exception as error:  # noqa: BLE001
        told = without_values(str(error), secrets)
        problem = backend_error(doing, RuntimeError(told or type(error).__name__))
    raise problem


def connector_type(provider: str) -> ServiceConnectorTypeModel:
    """Return what ZenML knows of the connectors of a provider.

    Raises:
        KitaruStackIntegrationDependencyError: If neither this machine nor the server has
            the packages for it.
    """
    with translated(f"looking for connectors of {provider}"):
        try:
            return Client().zen_store.get_service_connector_type(provider)
        except KeyError:
            pass
    raise missing_packages(f"connectors of {provider}", provider)


def _components(
    recipe: StackRecipe,
) -> dict[StackComponentType, list[UUID | ComponentInfo]]:
    connectors = recipe.connectors
    made: dict[StackComponentType, list[UUID | ComponentInfo]] = {}
    for component in recipe.components:
        index = connectors.index(component.connector) if component.connector else None
        info = ComponentInfo(
            flavor=component.flavor,
            configuration=dict(component.configuration),
            service_connector_index=index,
            service_connector_resource_id=component.resource,
        )
        made.setdefault(StackComponentType(component.kind), []).append(info)
    return made


def _check_component(component: ComponentRecipe) -> None:
    """Check the settings of a component as the store does, before anything is made.

    Raises:
        KitaruUsageError: If the store would refuse them.
    """
    try:
        validate_stack_component_config(
            configuration_dict=dict(component.configuration),
            flavor=component.flavor,
            component_type=StackComponentType(component.kind),
        )
    except ValueError as error:
        problem = " ".join(str(error).split()).rstrip(".")
    else:
        return
    raise KitaruUsageError(
        f"the {component.kind} cannot be made with these settings: {problem}. {_NOTHING}"
    )


def _connector(connector: Connector) -> UUID | ServiceConnectorInfo:
    kind = connector_type(connector.provider)
    if isinstance(connector, KnownConnector):
        return _known(connector)
    _check_connector(connector, kind)
    return ServiceConnectorInfo(
        type=connector.provider,
        auth_method=connector.method,
        configuration={**connector.settings, **connector.credentials},
    )


def _known(connector: KnownConnector) -> UUID:
    """Return the id of a connector that exists.

    Raises:
        KitaruUsageError: If there is none, or it is of another provider.
    """
    with translated(f"looking for service connector {connector.name!r}"):
        page = Client().list_service_connectors(name=f"equals:{connector.name}")
        known = [] if page.items else Client().list_service_connectors(size=100).items
    if not page.items:
        names = [item.name for item in known]
        listed = f" (known: {', '.join(names)})" if names else ""
        raise KitaruUsageError(
            f"there is no service connector {connector.name!r}"
            f"{did_you_mean(connector.name, names)}{listed}. {_NOTHING}"
        )
    (found,) = page.items
    if found.type != connector.provider:
        raise KitaruUsageError(
            f"service connector {connector.name!r} is one of {found.type}, and one of "
            f"{connector.provider} is needed; on a kubernetes stack say which with "
            f"credentials: {{type: {found.type}, connector: {connector.name}}}. {_NOTHING}"
        )
    return found.id


def _check_connector(connector: NewConnector, kind: ServiceConnectorTypeModel) -> None:
    """Check credentials for their form, as far as this machine can.

    Raises:
        KitaruUsageError: If they have another form.
    """
    try:
        request = ServiceConnectorRequest(
            name="check",
            connector_type=connector.provider,
            auth_method=connector.method,
        )
        request.validate_and_configure_resources(
            connector_type=kind,
            configuration={**connector.settings, **connector.credentials},
        )
        if service_connector_registry.is_registered(connector.provider):
            service_connector_registry.instantiate_connector(request)
    except ValueError as error:
        told = without_values(str(error), _secret_values([connector]))
        problem = " ".join(told.split()).rstrip(".")
    else:
        return
    raise KitaruUsageError(
        f"these are no {connector.provider} credentials: {problem}. {_NOTHING}"
    )


def _secret_values(
    connectors: tuple[Connector, ...] | list[NewConnector],
) -> Mapping[str, str]:
    """Return all credentials of connectors, by any key."""
    return {
        f"{number}.{key}": str(value)
        for number, connector in enumerate(connectors)
        if isinstance(connector, NewConnector)
        for key, value in connector.credentials.items()
    }


@contextmanager
def _whole() -> Iterator[None]:
    """Hold Ctrl-C back while a store of this process creates: it would leave parts."""
    is_here = Client().zen_store.type == StoreType.SQL
    if not is_here or threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda *said: asked.append(said))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked and callable(before):
        before(*asked[0])
