"""Executions of a version that the server starts, where packages of its stack are missing here."""

from __future__ import annotations

from uuid import UUID

from zenml.client import Client
from zenml.config.pipeline_run_configuration import PipelineRunConfiguration
from zenml.exceptions import EntityExistsError, MethodNotAllowedError
from zenml.models import PipelineSnapshotRunRequest
from zenml.zen_stores.rest_zen_store import RestZenStore

from kitaru._core.flows.facts import settings_to_dict
from kitaru._core.settings import settings
from kitaru._core.settings.settings import Settings
from kitaru._core.versions.records import Version
from kitaru._engine.port.deployments import Invocation
from kitaru._engine.port.engine import KeyTakenError
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruStackIntegrationDependencyError
from kitaru.models import Continuation


def missing_here(version: Version) -> KitaruStackIntegrationDependencyError | None:
    """Return what the active stack, a version's, lacks on this machine, if it does."""
    try:
        with translated(f"invoking {version.label}"):
            Client().active_stack.orchestrator.config  # noqa: B018
            Client().active_stack.artifact_store.config  # noqa: B018
    except KitaruStackIntegrationDependencyError as error:
        return error
    return None


def invoke(
    version: Version,
    invocation: Invocation,
    missing: KitaruStackIntegrationDependencyError,
) -> tuple[str, Continuation]:
    """Let the server start an execution; ZenML's own route takes the inputs.

    Raises:
        KitaruStackIntegrationDependencyError: What is missing here, if the server cannot.
        KeyTakenError: If there is an execution of its key; nothing was started.
        KitaruBackendError: If it refuses.
    """
    store = Client().zen_store
    if not isinstance(store, RestZenStore):
        raise missing
    request = PipelineSnapshotRunRequest(
        run_configuration=_configuration(version, invocation)
    )
    with translated(f"invoking {version.label}"):
        try:
            run = store.run_snapshot(UUID(version.deployment_id), request)
        except EntityExistsError as error:
            if invocation.labels.key is None:
                raise
            raise KeyTakenError(invocation.labels.key) from error
        except RuntimeError as error:
            if isinstance(error.__cause__, MethodNotAllowedError):
                raise missing from error
            raise
        runs.describe(run.id, invocation.labels)
    return str(run.id), Continuation(how="server")


def _configuration(
    version: Version, invocation: Invocation
) -> PipelineRunConfiguration:
    labels, said = invocation.labels, Settings(budget=invocation.budget)
    merged = settings_to_dict(settings.merge(version.facts.settings, said))
    facts = {name: value for name, value in merged.items() if name == "budget"}
    return PipelineRunConfiguration(
        run_name=runs.name_of(labels),
        tags=[runs.TAG, *labels.tags],
        parameters={"inputs": dict(invocation.inputs)},
        # What the version says of itself stays.
        extra={runs.EXTRA_KEY: facts | {"labels": labels.to_dict()}},
    )
