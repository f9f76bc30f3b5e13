"""Executions whose body runs on a remote stack: start them, let them go on, stop them.

Nothing of them is in the journal of this machine: what a pod needs travels with the
run, and what it leaves is on the server and in the artifact store.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.constants import ENV_ZENML_DYNAMIC_PIPELINE_MONITORING_INTERVAL
from zenml.enums import ExecutionStatus as RunStatus
from zenml.models import PipelineRunResponse, RunWaitConditionResponse
from zenml.stack import Stack
from zenml.utils import source_utils

from kitaru._core.flows.facts import ExecutionFacts
from kitaru._core.settings.images import ImageSettings
from kitaru._core.settings.settings import Settings
from kitaru._core.sources import FlowSource
from kitaru._engine.zenml.pods import images, turns
from kitaru._engine.zenml.recording import object_store
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.setup.errors import translated
from kitaru._engine.zenml.waits import conditions
from kitaru.errors import KitaruStateError, KitaruUsageError
from kitaru.models import Continuation

# How often, in seconds, the flow's pod looks at steps that ZenML runs elsewhere.
_MONITORING, _OFTEN = ENV_ZENML_DYNAMIC_PIPELINE_MONITORING_INTERVAL, "1"
# Whoever takes an answer has begun by then, or nobody will.
_SETTLED = 60.0


def is_chosen(flow: str) -> bool:
    """Whether the active stack, on which `flow` is to start, runs flows elsewhere."""
    with translated(f"starting flow {flow!r}"):
        return not Client().active_stack.orchestrator.config.is_local


def runs_elsewhere(run: PipelineRunResponse) -> bool:
    """Whether the body of an execution runs on a remote stack."""
    facts = runs.facts_of(run)
    return facts is not None and facts.is_remote


def check(source: FlowSource) -> None:
    """Refuse what a pod could not run, before anything is made.

    Raises:
        KitaruUsageError: If the flow has no file, or the stack keeps values in a local
            folder or its executions in a local database.
    """
    stack = Client().active_stack
    if not source.is_loadable:
        raise KitaruUsageError(
            f"flow {source.reference} was not defined at the top level of a file, so stack "
            f"{stack.name!r} cannot load it elsewhere; put it into a file"
        )
    if object_store.is_local(stack.artifact_store.path):
        raise KitaruUsageError(
            f"stack {stack.name!r} runs flows on {stack.orchestrator.flavor}, but keeps "
            f"values in the local folder {stack.artifact_store.path}; give it a remote "
            "artifact store"
        )
    if Client().zen_store.is_local_store():
        raise KitaruUsageError(
            f"stack {stack.name!r} runs flows on {stack.orchestrator.flavor}, which cannot "
            "reach the local database of this machine; connect to a server with: kitaru "
            "login URL"
        )


def options(settings: Settings) -> dict[str, Any]:
    """Return what ZenML is told of an execution that runs elsewhere."""
    image = settings.image or ImageSettings()
    wanted: dict[str, Any] = {"docker": images.docker_settings(settings.image)}
    orchestrator = Client().active_stack.orchestrator.settings_class
    if orchestrator is not None and "synchronous" in orchestrator.model_fields:
        # Else ZenML waits for the end, unless the stack says otherwise.
        wanted["orchestrator"] = {"synchronous": False}
    return {
        "settings": wanted,
        "environment": {_MONITORING: _OFTEN} | (image.environment or {}),
        "secrets": list(image.secret_environment_from or ()),
    }


def go_on(run: PipelineRunResponse) -> None:
    """Start a pod that goes on with an execution."""
    with translated(f"continuing execution {run.id}"):
        if run.status is not RunStatus.PAUSED:
            turns.ask_for_retry(run)
        runs.mark_resuming(run)
        now = Client().zen_store.get_run(run.id)
        assert now.snapshot is not None
        assert now.snapshot.stack is not None
        stack = Stack.from_model(now.snapshot.stack)
        stack.orchestrator.resume_run(
            snapshot=now.snapshot, run=now, stack=stack, force_async=True
        )


def stop(run: PipelineRunResponse) -> None:
    """Stop an execution: its pod ends at the next checkpoint, or is ended."""
    with translated(f"cancelling execution {run.id}"):
        if run.orchestrator_run_id is None or run.stack is None:
            runs.set_status(str(run.id), RunStatus.STOPPED, "Cancelled.")
            return
        Stack.from_model(run.stack).orchestrator.stop_run(run, graceful=False)


def after_answer(
    execution_id: str, answered: RunWaitConditionResponse
) -> Continuation | None:
    """Return who goes on after an answer; `None` if this client has to."""
    if has_poller(answered):
        return Continuation(how="runner")
    with translated(f"reading execution {execution_id}"):
        run = Client().zen_store.get_run(UUID(execution_id))
    return None if run.status is RunStatus.PAUSED else Continuation(how="server")


def has_poller(condition: RunWaitConditionResponse) -> bool:
    """Whether a pod lives that watches for the answer."""
    until = condition.poller_lease_expires_at
    return until is not None and _age(until) < 0


def is_forgotten(execution_id: str) -> bool:
    """Whether nobody goes on with a paused execution whose waits are answered."""
    asked = conditions.of(execution_id)
    if not asked:
        return False
    last = asked[-1]
    answered = last.resolved_at
    return answered is not None and _age(answered) > _SETTLED and not has_poller(last)


def here(facts: ExecutionFacts) -> FlowSource:
    """Return where a flow of another machine is on this one, a pod's.

    Raises:
        KitaruStateError: If its file did not come along.
    """
    root, source = Path(source_utils.get_source_root()), facts.source
    if facts.deployed is not None:
        found = facts.deployed.source_in(root, source)
    else:
        inside = Path(source.file).relative_to(source.root)
        said = source.to_dict() | {"file": str(root / inside), "root": str(root)}
        found = FlowSource.from_dict(said)
    if not Path(found.file).is_file():
        raise KitaruStateError(
            f"flow {source.reference} is not in the code that came along: there is no "
            f"{found.file}; is it ignored by git?"
        )
    return found


def _age(moment: datetime) -> float:
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (datetime.now(UTC) - known).total_seconds()
