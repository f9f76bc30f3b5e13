"""The resources of a checkpoint, as a Kubernetes orchestrator is told of them."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from zenml.orchestrators.step_launcher import StepLauncher

from kitaru import Resources
from kitaru._engine.zenml.pods import resources

kubernetes = pytest.importorskip(
    "zenml.integrations.kubernetes.orchestrators", exc_type=ImportError
)
pytestmark = pytest.mark.zenml


def _orchestrator(pod: dict[str, Any]) -> Any:
    flavors = pytest.importorskip(
        "zenml.integrations.kubernetes.flavors.kubernetes_orchestrator_flavor"
    )
    config = flavors.KubernetesOrchestratorConfig(pod_settings=pod)
    return kubernetes.KubernetesOrchestrator(
        name="cluster",
        id=uuid4(),
        config=config,
        flavor="kubernetes",
        type="orchestrator",
        user=None,
        created=datetime.now(UTC),
        updated=datetime.now(UTC),
        environment={},
        secrets=[],
    )


def test_zenml_can_still_start_a_pod_for_a_step_run_of_ours() -> None:
    parameters = inspect.signature(StepLauncher._run_step).parameters

    assert list(parameters)[1:] == ["pipeline_run", "step_run", "force_write_logs"]


def test_resources_replace_those_of_the_stack_and_leave_its_other_settings() -> None:
    limits = {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "1"}
    stack = {"node_selectors": {"pool": "agents"}, "resources": {"limits": limits}}
    needs = Resources(cpu=4, gpu=0)

    settings = resources.of(needs, _orchestrator(stack))

    pod = settings["orchestrator:cluster"]["pod_settings"]
    assert pod["node_selectors"] == {"pool": "agents"}
    assert pod["resources"]["requests"] == {"cpu": "4"}
    assert pod["resources"]["limits"] == {"memory": "1Gi"}
    assert settings["resources"].cpu_count == 4
