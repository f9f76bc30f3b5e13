"""Ask a cluster whether flows can run in the namespace of a stack."""

from __future__ import annotations

from typing import Any

from zenml.client import Client
from zenml.models import ComponentResponse

from kitaru.errors import KitaruStateError

_NO_SUCH, _MAY_NOT = 404, 403
_SECONDS = 10


def look_for_namespace(component: ComponentResponse, resource: str | None) -> str:
    """Return which namespace was found, with the service connector of a component.

    Raises:
        KitaruStateError: If there is none, or no job may be run in it.
    """
    from kubernetes import client as kubernetes

    assert component.connector is not None
    connector = Client().get_service_connector_client(
        component.connector.id,
        resource_type="kubernetes-cluster",
        resource_id=resource,
        verify=False,
    )
    api: Any = connector.connect(verify=False)
    name = str(component.configuration.get("kubernetes_namespace", "zenml"))
    try:
        kubernetes.CoreV1Api(api).read_namespace(name, _request_timeout=_SECONDS)
    except kubernetes.ApiException as error:
        if error.status == _NO_SUCH:
            raise KitaruStateError(
                f"the cluster has no namespace {name!r}; make it with: kubectl create "
                f"namespace {name}"
            ) from error
        if error.status != _MAY_NOT:
            raise
    else:
        return f"namespace {name}"
    # Who may use one namespace only cannot look at it, but at what is in it.
    try:
        kubernetes.BatchV1Api(api).list_namespaced_job(
            name, limit=1, _request_timeout=_SECONDS
        )
    except kubernetes.ApiException as error:
        if error.status != _MAY_NOT:
            raise
        raise KitaruStateError(
            f"these credentials may not see jobs in namespace {name!r}"
        ) from error
    return f"namespace {name}, if it exists"
