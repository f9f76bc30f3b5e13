"""Find step runs and the records of checkpoint calls that they hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus, StackComponentType
from zenml.models import (
    ExceptionInfo,
    LogsRequest,
    StepRunFilter,
    StepRunResponse,
    StepRunUpdate,
)

from kitaru._core.calls import records
from kitaru._core.calls.records import CallRecord
from kitaru._core.flows.metadata_keys import RECORD_KEY
from kitaru._engine.output import step_logs
from kitaru._engine.zenml.setup import pages

UNFINISHED = (
    ExecutionStatus.INITIALIZING,
    ExecutionStatus.PROVISIONING,
    ExecutionStatus.RUNNING,
)


def step_runs(execution_id: str, name: str | None = None) -> list[StepRunResponse]:
    """Return the latest step run of each call, in as few store calls as possible."""
    client = Client()
    found = pages.every(
        lambda number, size: client.zen_store.list_run_steps(
            StepRunFilter(
                pipeline_run_id=UUID(execution_id),
                project=client.active_project.id,
                exclude_retried=True,
                name=name,
                sort_by="asc:created",
                page=number,
                size=size,
            ),
            hydrate=True,
        ),
        size=1000,
    )
    return list(found)


def end_running(execution_id: str, why: str) -> list[str]:
    """Mark the running calls of an execution failed and return their invocation ids."""
    running = [step for step in step_runs(execution_id) if step.status in UNFINISHED]
    for step in running:
        Client().zen_store.update_run_step(
            step.id,
            StepRunUpdate(
                status=ExecutionStatus.FAILED,
                end_time=datetime.now(UTC),
                exception_info=ExceptionInfo(traceback=why, message=why),
            ),
        )
    return [step.name for step in running]


def show_logs(execution_id: str, files: Mapping[str, Path]) -> None:
    """Show in the steps of calls where their logs are, by invocation id."""
    client = Client()
    store = client.active_stack_model.components[StackComponentType.ARTIFACT_STORE][0]
    for step in step_runs(execution_id):
        if step.name in files and not step.log_collection:
            request = LogsRequest(
                project=client.active_project.id,
                uri=str(files[step.name]),
                source=step_logs.SHOWN_AS,
                artifact_store_id=store.id,
                step_run_id=step.id,
            )
            client.zen_store.create_logs(request)


def cached(key: str) -> CallRecord | None:
    """Return the newest completed call of any execution with that cache key."""
    client = Client()
    page = client.zen_store.list_run_steps(
        StepRunFilter(
            project=client.active_project.id,
            cache_key=key,
            status=ExecutionStatus.COMPLETED.value,
            sort_by="desc:created",
            size=1,
        ),
        hydrate=True,
    )
    return record_of(page.items[0]) if page.items else None


def record_of(step: StepRunResponse) -> CallRecord | None:
    """Return the record that travels with a step run; `None` for a running one."""
    text = step.run_metadata.get(RECORD_KEY)
    if text is None:
        text = step.config.extra.get(RECORD_KEY)
    return records.from_json(str(text)) if text is not None else None
