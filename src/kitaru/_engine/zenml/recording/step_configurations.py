"""The configuration of a checkpoint call's step run: ZenML keeps one with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from zenml.config.retry_config import StepRetryConfig
from zenml.config.source import DistributionPackageSource
from zenml.config.step_configurations import (
    InputSpec,
    Step,
    StepConfiguration,
    StepSpec,
)
from zenml.enums import StepRuntime
from zenml.models import PipelineSnapshotResponse

from kitaru import _recorded_names as recorded_names
from kitaru._core.calls import records
from kitaru._core.calls.records import OUTPUT, CallRecord
from kitaru._core.flows.metadata_keys import PLACE_KEY, RECORD_KEY

_PLACEHOLDER = DistributionPackageSource(
    **recorded_names.CHECKPOINT._asdict(), package_name="kitaru"
)
_POD_BODY = DistributionPackageSource(
    **recorded_names.CHECKPOINT_POD._asdict(), package_name="kitaru"
)


@dataclass(frozen=True, slots=True)
class Launching:
    """A step run that ZenML is to start a pod for."""

    snapshot: PipelineSnapshotResponse
    orchestrator_id: UUID
    place: str
    settings: Mapping[str, Any]


def of(
    invocation_id: str,
    name: str,
    parents: list[str],
    used: list[str],
    record: CallRecord | None,
    launching: Launching | None,
    *,
    earlier: int,
) -> Step:
    """Return the configuration of one call.

    Args:
        invocation_id: The call.
        name: Its checkpoint.
        parents: The calls before it that ZenML knows.
        used: Those whose results it was given.
        record: Its outcome, if it has one.
        launching: Given if ZenML is to start a pod for it.
        earlier: How many step runs it had before.
    """
    configuration = StepConfiguration(
        name=name,
        enable_cache=False,
        extra={RECORD_KEY: records.to_json(record)} if record else {},
        retry=StepRetryConfig(max_retries=earlier) if earlier else None,
    )
    if launching is not None:
        configuration = _launchable(configuration, launching)
    spec = StepSpec(
        source=_POD_BODY if launching else _PLACEHOLDER,
        upstream_steps=parents,
        # Ties the artifact of the earlier call to this one in the dashboard's graph.
        inputs={
            parent: InputSpec(step_name=parent, output_name=OUTPUT) for parent in used
        },
        invocation_id=invocation_id,
        enable_heartbeat=False,
    )
    return Step(spec=spec, config=configuration, step_config_overrides=configuration)


def _launchable(
    configuration: StepConfiguration, launching: Launching
) -> StepConfiguration:
    """Add what a pod needs: image, environment and settings, as the flow's pod has."""
    values = configuration.model_dump() | {
        "runtime": StepRuntime.ISOLATED,
        "settings": dict(launching.settings),
    }
    complete = StepConfiguration.model_validate(values).apply_pipeline_configuration(
        launching.snapshot.pipeline_configuration, exclude_hook_sources=True
    )
    # The pipeline's own are the facts of the execution, inputs included.
    return complete.model_copy(update={"extra": {PLACE_KEY: launching.place}})
