"""Register the rig's stack with ZenML's own client; facts come on stdin."""

from __future__ import annotations

import json
import sys
from typing import Any

from zenml.client import Client
from zenml.enums import StackComponentType as Type

_SECRETS = {"key", "secret"}


def register(facts: dict[str, Any]) -> None:
    """Register connector, components and stack."""
    client = Client()
    connector, _ = client.create_service_connector(
        name="rig",
        connector_type="kubernetes",
        auth_method="token",
        configuration={
            "server": facts["cluster_url"],
            "certificate_authority": facts["certificate"],
            "token": facts["token"],
            "cluster_name": "rig",
        },
    )
    assert connector is not None
    wanted: dict[Type, tuple[str, dict[str, Any]]] = {
        Type.ORCHESTRATOR: (
            "kubernetes",
            {"kubernetes_namespace": facts["namespace"], "synchronous": False},
        ),
        Type.ARTIFACT_STORE: ("s3", {"path": facts["bucket"], **facts["s3"]}),
        Type.CONTAINER_REGISTRY: ("default", {"uri": "127.0.0.1:5000"}),
        Type.IMAGE_BUILDER: ("local", {}),
    }
    components = {
        kind: client.create_stack_component(
            name=facts["stack"],
            flavor=flavor,
            component_type=kind,
            configuration=configuration,
        ).id
        for kind, (flavor, configuration) in wanted.items()
    }
    client.update_stack_component(
        facts["stack"],
        Type.ORCHESTRATOR,
        connector_id=connector.id,
        connector_resource_id="rig",
    )
    client.create_stack(facts["stack"], components)


if __name__ == "__main__":
    register(json.load(sys.stdin))
