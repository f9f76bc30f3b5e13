"""The resources of a checkpoint, as each orchestrator is told of them."""

from __future__ import annotations

import importlib
from typing import Any

from zenml.config import ResourceSettings
from zenml.orchestrators import BaseOrchestrator
from zenml.utils import settings_utils

from kitaru._core.flows.resources import Resources

# Orchestrators that read ZenML's own resource settings of a step.
_READERS = ("VertexOrchestrator",)
_POD = "pod_settings"
_GPU = "nvidia.com/gpu"


def are_heeded(orchestrator: BaseOrchestrator) -> bool:
    """Whether an orchestrator asks its platform for the resources of a step."""
    return _takes_pods(orchestrator) or type(orchestrator).__name__ in _READERS


def of(resources: Resources, orchestrator: BaseOrchestrator) -> dict[str, Any]:
    """Return the settings of a step that needs these resources."""
    wanted = ResourceSettings(
        cpu_count=resources.cpu, gpu_count=resources.gpu, memory=resources.memory
    )
    settings: dict[str, Any] = {"resources": wanted}
    if _takes_pods(orchestrator):
        key = settings_utils.get_stack_component_name_setting_key(orchestrator)
        settings[key] = _pod_settings(wanted, orchestrator)
    return settings


def _takes_pods(orchestrator: BaseOrchestrator) -> bool:
    known = orchestrator.settings_class
    return known is not None and _POD in known.model_fields


def _pod_settings(
    wanted: ResourceSettings, orchestrator: BaseOrchestrator
) -> dict[str, Any]:
    """Return pod settings: those of the stack, with these resources.

    ZenML's Kubernetes orchestrator reads resource settings for deployments only.
    """
    kubernetes: Any = importlib.import_module(
        "zenml.integrations.kubernetes.kube_utils"
    )
    requests, limits, _ = kubernetes.convert_resource_settings_to_k8s_format(wanted)
    asked = set(requests)
    if wanted.gpu_count is not None:
        asked.add(_GPU)
    stack = getattr(orchestrator.config, _POD, None)
    pod: dict[str, Any] = stack.model_dump(exclude_unset=True) if stack else {}
    said = pod.get("resources", {})
    # A limit of the stack below what is asked for would be refused.
    pod["resources"] = {
        "requests": _others(said.get("requests", {}), asked) | requests,
        "limits": _others(said.get("limits", {}), asked) | limits,
    }
    return {_POD: pod}


def _others(said: dict[str, str], asked: set[str]) -> dict[str, str]:
    """Return what the stack says of what the checkpoint does not ask for itself."""
    return {name: value for name, value in said.items() if name not in asked}
