"""Check whether the components of a stack can be reached, in bounded time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping

from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.models import ComponentResponse, FlavorResponse, StackResponse
from zenml.stack import Flavor, StackComponent

from kitaru._core.secrecy.secret_rules import without_values
from kitaru._core.words import refusals
from kitaru._engine.zenml.setup import connectors
from kitaru._engine.zenml.setup.errors import missing_packages, translated
from kitaru._engine.zenml.stacks import cluster_checks
from kitaru.errors import (
    KitaruBackendError,
    KitaruStackIntegrationDependencyError,
)
from kitaru.models import ComponentCheck, StackReport

_LOCAL = "local"
_KUBERNETES = "kubernetes"
_DOCKER = "Docker builds the images, on the machine that starts a flow"
_UNKNOWN = (
    "it has no service connector, so nobody was asked whether it exists; it uses what "
    "this machine is logged in with"
)


def check(stack: StackResponse, *, seconds: float) -> StackReport:
    """Return what a check of all components at once found, after so long at most."""
    components = [item for items in stack.components.values() for item in items]
    if any(component.connector for component in components):
        # Here, because warnings can be held back in one thread only.
        connectors.load_connectors()
    found: queue.Queue[tuple[int, ComponentCheck]] = queue.Queue()
    for number, component in enumerate(components):
        # A daemon: what waits for a dead host must not keep the process.
        threading.Thread(
            target=lambda n=number, c=component: found.put((n, _check(c))), daemon=True
        ).start()
    checks = [
        _line(component, "failed", f"no answer within {seconds:g} s")
        for component in components
    ]
    until = time.monotonic() + seconds
    for _ in components:
        try:
            number, answer = found.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        checks[number] = answer
    return StackReport(
        stack=stack.name,
        ok=all(line.status != "failed" for line in checks),
        checks=tuple(checks),
    )


def _check(component: ComponentResponse) -> ComponentCheck:
    if component.flavor_name == _LOCAL:
        if component.type == StackComponentType.IMAGE_BUILDER:
            return _line(component, "not checked", _DOCKER)
        return _line(component, "ok", "on this machine")
    secrets: Mapping[str, str] = {}
    try:
        secrets = _secrets(component)
        with translated("reading the flavor"):
            flavor = Client().get_flavor_by_name_and_type(
                component.flavor_name, component.type
            )
        if component.connector is not None:
            resource = _resource(component, flavor)
            found = _ask_connector(component, flavor, resource)
            _import(flavor)
            if flavor.name == _KUBERNETES:
                found += f", {cluster_checks.look_for_namespace(component, resource)}"
            return _line(component, "ok", found)
        _import(flavor)
        if component.type == StackComponentType.ARTIFACT_STORE:
            return _look_into(component)
    # Each platform has errors of its own, and any of them is the answer.
    except Exception as error:  # noqa: BLE001
        told = without_values(str(error), secrets)
        said = refusals.in_one_line(told) or type(error).__name__
        return _line(component, "failed", said)
    return _line(component, "not checked", _UNKNOWN)


def _line(component: ComponentResponse, status: str, reason: str) -> ComponentCheck:
    return ComponentCheck.model_validate(
        {
            "kind": component.type.value,
            "name": component.name,
            "flavor": component.flavor_name,
            "status": status,
            "reason": reason,
        }
    )


def _import(flavor: FlavorResponse) -> None:
    """Import what does the work.

    Raises:
        KitaruStackIntegrationDependencyError: If packages are missing here.
    """
    try:
        _ = Flavor.from_model(flavor).implementation_class
    except ImportError as error:
        missing = error.name
    else:
        return
    raise missing_packages(
        f"{missing} is not installed", flavor.integration or flavor.name
    )


def _secrets(component: ComponentResponse) -> Mapping[str, str]:
    """Return what the connector of a component keeps, to cut it out of messages."""
    if component.connector is None:
        return {}
    connector = Client().get_service_connector(
        component.connector.id, expand_secrets=True
    )
    return {
        key: value.get_secret_value()
        for key, value in connector.configuration.secrets.items()
    }


def _resource(component: ComponentResponse, flavor: FlavorResponse) -> str | None:
    """Return what a component is for its connector: a cluster, a bucket, a registry."""
    needs = flavor.connector_requirements
    resource = component.connector_resource_id
    if resource is None and needs is not None and needs.resource_id_attr is not None:
        return component.configuration.get(needs.resource_id_attr)
    return resource


def _ask_connector(
    component: ComponentResponse, flavor: FlavorResponse, resource: str | None
) -> str:
    """Let the connector log in and look for the component's resource.

    Raises:
        AuthorizationException: If it is not let in, or there is no such resource.
    """
    connector = component.connector
    needs = flavor.connector_requirements
    if connector is None or needs is None:
        raise KitaruStackIntegrationDependencyError(f"{flavor.name} takes no connector")
    Client().verify_service_connector(
        connector.id, resource_type=needs.resource_type, resource_id=resource
    )
    what = resource or needs.resource_type
    return f"service connector {connector.name} reaches {what}"


def _look_into(component: ComponentResponse) -> ComponentCheck:
    """List an artifact store's bucket, with what this machine is logged in as.

    Raises:
        Exception: Of the platform, if it cannot be listed.
    """
    # The store itself refuses to look outside of its folder, which may not exist yet.
    files = getattr(StackComponent.from_model(component), "filesystem", None)
    if files is None:
        return _line(component, "not checked", _UNKNOWN)
    scheme, _, path = str(component.configuration["path"]).partition("://")
    bucket = path.partition("/")[0]
    try:
        files.ls(bucket)
    # Errors of client libraries name no bucket.
    except Exception as error:
        said = refusals.in_one_line(str(error)) or type(error).__name__
        raise KitaruBackendError(f"{scheme}://{bucket}: {said}") from error
    return _line(component, "ok", f"{scheme}://{bucket} can be listed")
