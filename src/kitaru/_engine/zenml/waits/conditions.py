"""Waits as ZenML wait conditions.

The status is `waiting` from the moment a question is open, runner or not: a runner
that dies while it waits has lost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any
from uuid import UUID

from sqlalchemy.orm import joinedload
from sqlmodel import select
from zenml.client import Client
from zenml.enums import (
    ExecutionStatus,
    RunWaitConditionResolution,
    RunWaitConditionStatus,
)
from zenml.exceptions import IllegalOperationError
from zenml.models import (
    Page,
    PipelineRunUpdate,
    RunWaitConditionFilter,
    RunWaitConditionResolveRequest,
    RunWaitConditionResponse,
)
from zenml.zen_stores.schemas import PipelineRunSchema, RunWaitConditionSchema
from zenml.zen_stores.schemas.utils import jl_arg
from zenml.zen_stores.sql_zen_store import Session, SqlZenStore

from kitaru._engine.port.execution import Answer
from kitaru._engine.zenml.setup import pages
from kitaru._engine.zenml.setup.errors import backend_error
from kitaru.errors import KitaruStateError
from kitaru.models import PendingWait

# Names are unique in ZenML: the mark of a question that is asked again.
AGAIN = "~"
# Metadata of a wait: how many checkpoint calls the flow had made before it.
CALLS_BEFORE = "kitaru_calls_before"


def of(execution_id: str) -> list[RunWaitConditionResponse]:
    """Return all waits of an execution, oldest first."""
    return _list(_of_one, pipeline_run=UUID(execution_id))


def count_answered(execution_id: str) -> int:
    """Return how many waits of an execution are answered or given up."""
    return sum(
        condition.status != RunWaitConditionStatus.PENDING
        for condition in of(execution_id)
    )


def answers_before(execution_id: str, order: int) -> dict[str, Answer]:
    """Return the answers to waits that a flow came to before its so-manieth call."""
    return {
        name: answer_in(asked[-1])
        for name, asked in by_name(of(execution_id)).items()
        if asked[-1].status != RunWaitConditionStatus.PENDING
        and _calls_before(asked[-1]) < order
    }


def _calls_before(condition: RunWaitConditionResponse) -> float:
    noted = condition.run_metadata.get(CALLS_BEFORE)
    return noted if isinstance(noted, int) else float("inf")


def open_conditions(execution_id: str | None = None) -> list[RunWaitConditionResponse]:
    """Return open waits, of one execution or of all."""
    if execution_id is None:
        return _list(wait_conditions, status=RunWaitConditionStatus.PENDING.value)
    return _list(
        _of_one,
        status=RunWaitConditionStatus.PENDING.value,
        pipeline_run=UUID(execution_id),
    )


def pending_wait(
    condition: RunWaitConditionResponse, execution_id: str | None = None
) -> PendingWait:
    """Return what users see of an open wait."""
    return PendingWait(
        wait_id=str(condition.id),
        name=base_name(condition.name),
        question=condition.question,
        schema=condition.data_schema,
        metadata={
            name: value
            for name, value in condition.run_metadata.items()
            if name != CALLS_BEFORE
        },
        entered_waiting_at=condition.created.replace(tzinfo=UTC),
        exec_id=execution_id or str(condition.run.id),
    )


def base_name(name: str) -> str:
    """Return the name of a wait without the mark of a question asked again."""
    return name.partition(AGAIN)[0]


_Conditions = Page[RunWaitConditionResponse]


def _of_one(wanted: RunWaitConditionFilter) -> _Conditions:
    return Client().zen_store.list_run_wait_conditions(wanted, hydrate=True)


def _list(
    read: Callable[[RunWaitConditionFilter], _Conditions], **filters: Any
) -> list[RunWaitConditionResponse]:
    client = Client()
    conditions = pages.every(
        lambda number, size: read(
            RunWaitConditionFilter(
                project=client.active_project.id,
                sort_by="asc:created",
                page=number,
                size=size,
                **filters,
            )
        ),
        size=500,
    )
    return list(conditions)


def by_name(
    found: list[RunWaitConditionResponse],
) -> dict[str, list[RunWaitConditionResponse]]:
    named: dict[str, list[RunWaitConditionResponse]] = {}
    for condition in found:
        named.setdefault(base_name(condition.name), []).append(condition)
    return named


def answer_in(condition: RunWaitConditionResponse) -> Answer:
    aborted = condition.resolution == RunWaitConditionResolution.ABORT
    return Answer(condition.result, aborted)


def show_status(execution_id: str, status: ExecutionStatus, reason: str | None) -> None:
    Client().zen_store.update_run(
        UUID(execution_id), PipelineRunUpdate(status=status, status_reason=reason)
    )


def resolve(
    wait: PendingWait, resolution: RunWaitConditionResolution, value: object
) -> RunWaitConditionResponse:
    """Answer a wait, or give it up, in the store.

    Raises:
        KitaruStateError: If somebody else was faster.
    """
    try:
        return Client().zen_store.resolve_run_wait_condition(
            UUID(wait.wait_id),
            RunWaitConditionResolveRequest(resolution=resolution, result=value),
        )
    except IllegalOperationError as error:
        raise KitaruStateError(
            f"wait {wait.name!r} of execution {wait.exec_id} was answered by somebody "
            "else a moment ago; nothing was changed"
        ) from error
    except Exception as error:
        raise backend_error(f"answering wait {wait.name!r}", error) from error


def wait_conditions(wanted: RunWaitConditionFilter) -> Page[RunWaitConditionResponse]:
    """Return a page of wait conditions, in as few statements however long it is."""
    store = Client().zen_store
    if not isinstance(store, SqlZenStore):
        return store.list_run_wait_conditions(wanted, hydrate=True)
    runs = joinedload(jl_arg(RunWaitConditionSchema.run))
    with Session(store.engine) as session:
        return store.filter_and_paginate(
            session=session,
            query=select(RunWaitConditionSchema).options(
                runs.joinedload(jl_arg(PipelineRunSchema.snapshot))
            ),
            table=RunWaitConditionSchema,
            filter_model=wanted,
            hydrate=True,
            apply_query_options_from_schema=True,
        )
