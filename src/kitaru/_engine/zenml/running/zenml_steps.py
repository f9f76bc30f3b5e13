"""Existing ZenML steps as checkpoints: ZenML launches them, Kitaru keeps the value."""

from __future__ import annotations

from typing import Any

from zenml.execution.pipeline.dynamic.run_context import DynamicPipelineRunContext
from zenml.models import ArtifactVersionResponse
from zenml.steps import BaseStep

from kitaru._core.flows.specs import CheckpointSpec
from kitaru.errors import KitaruRuntimeError


def run(
    spec: CheckpointSpec,
    invocation_id: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Launch a step in the running pipeline and return its value.

    A step that ZenML knows as finished is not launched again.
    """
    context = DynamicPipelineRunContext.get()
    step = spec.foreign
    if context is None or not isinstance(step, BaseStep):
        raise KitaruRuntimeError(
            f"checkpoint {spec.name!r} is a ZenML step and can only run in a flow's own "
            "thread"
        )
    outputs = context.runner.launch_step(
        step=step, id=invocation_id, args=args, kwargs=kwargs, concurrent=False
    )
    return _load(outputs)


def _load(outputs: Any) -> Any:
    if isinstance(outputs, ArtifactVersionResponse):
        return outputs.load()
    if isinstance(outputs, tuple):
        return tuple(_load(item) for item in outputs)
    return outputs
