"""Waits as ZenML wait conditions.

The status is `waiting` from the moment a question is open, runner or not: a runner
that dies while it waits has lost nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC
from typing import Any
from uuid import UUID

from sqlalchemy.orm import joinedload
from sqlmodel import select
from zenml.client import Client
from zenml.enums import (
    ExecutionStatus,
    MetadataResourceTypes,
    RunWaitConditionResolution,
    RunWaitConditionStatus,
)
from zenml.exceptions import AuthorizationException, IllegalOperationError
from zenml.metadata.metadata_types import MetadataTypeEnum, get_metadata_type
from zenml.models import (
    Page,
    PipelineRunUpdate,
    RunMetadataRequest,
    RunMetadataResource,
    RunWaitConditionFilter,
    RunWaitConditionRequest,
    RunWaitConditionResolveRequest,
    RunWaitConditionResponse,
)
from zenml.utils.time_utils import utc_now
from zenml.zen_stores.schemas import PipelineRunSchema, RunWaitConditionSchema
from zenml.zen_stores.schemas.utils import jl_arg
from zenml.zen_stores.sql_zen_store import Session, SqlZenStore

from kitaru._core.flows.metadata_keys import ANSWER_KEY
from kitaru._core.waits.answered import ZENML, Answer, for_zenml
from kitaru._core.waits.condition_names import (
    CALLS_BEFORE,
    base_name,
    terms_in,
    users_metadata,
)
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.setup import pages
from kitaru._engine.zenml.setup.errors import backend_error, translated
from kitaru.errors import KitaruBackendError, KitaruStateError
from kitaru.models import PendingWait

logger = logging.getLogger(__name__)


def of(execution_id: str) -> list[RunWaitConditionResponse]:
    """Return all waits of an execution, oldest first."""
    return _list(_of_one, pipeline_run=UUID(execution_id))


def count_answered(execution_id: str) -> int:
    """Return how many waits of an execution are answered or given up."""
    return sum(
        condition.status != RunWaitConditionStatus.PENDING
        for condition in of(execution_id)
    )


def answers_before(
    execution_id: str, order: int, *, reuse_waits: bool
) -> dict[str, Answer]:
    """Return what came of waits before a flow's so-manieth call, for a replay.

    Without `reuse_waits` only of timers.
    """
    return {
        name: answer_in(asked[-1])
        for name, asked in by_name(of(execution_id)).items()
        if asked[-1].status != RunWaitConditionStatus.PENDING
        and _calls_before(asked[-1]) < order
        and terms_in(asked[-1].run_metadata).is_taken_over(reuse_waits)
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
    terms = terms_in(condition.run_metadata)
    return PendingWait(
        wait_id=str(condition.id),
        name=base_name(condition.name),
        question=condition.question,
        schema=condition.data_schema,
        metadata=users_metadata(condition.run_metadata),
        entered_waiting_at=condition.created.replace(tzinfo=UTC),
        expires_at=terms.expires_at,
        kind=terms.kind,
        exec_id=execution_id or str(condition.run.id),
    )


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
    """Return the answer that ZenML has, with what was noted of it."""
    noted: Any = condition.run_metadata.get(ANSWER_KEY + base_name(condition.name))
    is_aborted = condition.resolution == RunWaitConditionResolution.ABORT
    at = condition.resolved_at.replace(tzinfo=UTC) if condition.resolved_at else None
    if not isinstance(noted, dict):
        terms = terms_in(condition.run_metadata)
        is_nothing = condition.result is None and not is_aborted
        if is_nothing and at is not None and terms.is_over(at):
            # Whoever let it expire died before that was noted.
            return terms.outcome()
        user = condition.resolved_by_user_id
        noted = {"by": user and _user_name(user), "surface": ZENML}
    return Answer(
        condition.result,
        is_aborted,
        by=noted.get("by"),
        surface=noted.get("surface"),
        at=at,
        over=noted.get("over"),
    )


def _user_name(user: UUID) -> str | None:
    client = Client()
    if user == client.active_user.id:
        return client.active_user.name
    try:
        return client.zen_store.get_user(user).name
    except (KeyError, AuthorizationException, IllegalOperationError):
        # Gone, or not for everybody to see.
        return None


def note(wait_id: str, execution_id: str, name: str, answer: Answer) -> None:
    """Keep with run and condition who answered, and through what.

    The answer stands without; an error would ask for a second one.
    """
    try:
        _note(wait_id, execution_id, name, answer)
    except KitaruBackendError as error:
        logger.warning("%s", error)


def _note(wait_id: str, execution_id: str, name: str, answer: Answer) -> None:
    with translated(f"noting the answer to wait {name!r}"):
        Client().zen_store.create_run_metadata(
            RunMetadataRequest(
                project=Client().active_project.id,
                resources=[
                    RunMetadataResource(
                        id=UUID(execution_id), type=MetadataResourceTypes.PIPELINE_RUN
                    ),
                    RunMetadataResource(
                        id=UUID(wait_id), type=MetadataResourceTypes.WAIT_CONDITION
                    ),
                ],
                values={f"{ANSWER_KEY}{name}": for_zenml(answer)},
                types={f"{ANSWER_KEY}{name}": MetadataTypeEnum.DICT},
            )
        )


def create(wanted: RunWaitConditionRequest) -> RunWaitConditionResponse:
    """Ask; where the store is a file, also beside another open question."""
    if runs.store_is_a_file() and open_conditions(str(wanted.run)):
        return _create_beside(wanted)
    return Client().zen_store.create_run_wait_condition(wanted)


def _create_beside(wanted: RunWaitConditionRequest) -> RunWaitConditionResponse:
    """Do what the store does, which allows a run one pending condition only."""
    store = Client().zen_store
    assert isinstance(store, SqlZenStore)  # it is a file
    wanted = wanted.model_copy(update={"user": Client().active_user.id})
    with Session(store.engine) as session:
        row = RunWaitConditionSchema.from_request(wanted)
        session.add(row)
        session.commit()
        condition_id = row.id
    noted = wanted.metadata or {}
    store.create_run_metadata(
        RunMetadataRequest(
            project=wanted.project,
            resources=[
                RunMetadataResource(
                    id=condition_id, type=MetadataResourceTypes.WAIT_CONDITION
                )
            ],
            values=noted,
            types={name: get_metadata_type(value) for name, value in noted.items()},
        )
    )
    return store.get_run_wait_condition(condition_id, hydrate=True)


def show_status(execution_id: str, status: ExecutionStatus, reason: str | None) -> None:
    Client().zen_store.update_run(
        UUID(execution_id), PipelineRunUpdate(status=status, status_reason=reason)
    )


def resolve(wait: PendingWait, answer: Answer) -> RunWaitConditionResponse:
    """Answer a wait, or give it up, in the store.

    Raises:
        KitaruStateError: If somebody else was faster.
    """
    try:
        return _resolve(UUID(wait.wait_id), answer)
    except IllegalOperationError as error:
        raise KitaruStateError(
            f"wait {wait.name!r} of execution {wait.exec_id} was answered by somebody "
            "else a moment ago; nothing was changed"
        ) from error
    except Exception as error:
        raise backend_error(f"answering wait {wait.name!r}", error) from error


def follow(wait_id: str, execution_id: str, answer: Answer) -> None:
    """Let a condition say what was decided elsewhere, whatever it says now."""
    with translated(f"showing the answer to wait {wait_id}"):
        condition = Client().zen_store.get_run_wait_condition(
            UUID(wait_id), hydrate=True
        )
        name = base_name(condition.name)
        if condition.status == RunWaitConditionStatus.PENDING:
            note(wait_id, execution_id, name, answer)
            if answer.over == "expired":
                # Nothing is no answer that ZenML's check would take.
                _overwrite(UUID(wait_id), answer)
                return
            try:
                condition = _resolve(UUID(wait_id), answer)
            except IllegalOperationError:
                # Answered in the dashboard at the same moment.
                condition = Client().zen_store.get_run_wait_condition(
                    UUID(wait_id), hydrate=True
                )
        found = answer_in(condition)
        if (found.value, found.aborted) != (answer.value, answer.aborted):
            note(wait_id, execution_id, name, answer)
            _overwrite(UUID(wait_id), answer)


def _resolve(wait_id: UUID, answer: Answer) -> RunWaitConditionResponse:
    return Client().zen_store.resolve_run_wait_condition(
        wait_id,
        RunWaitConditionResolveRequest(
            resolution=_resolution(answer), result=answer.value
        ),
    )


def _resolution(answer: Answer) -> RunWaitConditionResolution:
    if answer.aborted:
        return RunWaitConditionResolution.ABORT
    return RunWaitConditionResolution.CONTINUE


def _overwrite(wait_id: UUID, answer: Answer) -> None:
    """Put an answer in the place of another one; ZenML itself never does."""
    store = Client().zen_store
    assert isinstance(store, SqlZenStore)  # a server decides itself
    with Session(store.engine) as session:
        row = session.get_one(RunWaitConditionSchema, wait_id)
        row.status = RunWaitConditionStatus.RESOLVED.value
        row.resolution = _resolution(answer).value
        row.result_json = None if answer.value is None else json.dumps(answer.value)
        row.resolved_at = row.resolved_at or utc_now()
        session.add(row)
        session.commit()


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
