"""Waits as ZenML wait conditions.

The status is `waiting` from the moment a question is open, runner or not: a runner
that dies while it waits has lost nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.enums import (
    ExecutionStatus,
    RunWaitConditionResolution,
    RunWaitConditionStatus,
    RunWaitConditionType,
)
from zenml.exceptions import IllegalOperationError
from zenml.models import (
    Page,
    PipelineRunUpdate,
    RunWaitConditionFilter,
    RunWaitConditionRequest,
    RunWaitConditionResolveRequest,
    RunWaitConditionResponse,
)

from kitaru._engine.journal import Journal
from kitaru._engine.port import Answer, Question
from kitaru._engine.zenml import eager, pages
from kitaru._engine.zenml.errors import backend_error, translated
from kitaru.errors import KitaruBackendError, KitaruStateError
from kitaru.models import PendingWait

logger = logging.getLogger(__name__)

# An answer given with Kitaru is seen through the journal within this many seconds;
# one given in the ZenML dashboard within the longer time.
POLL_JOURNAL = 0.01
POLL_STORE = 1.0
_AGAIN = "~"
# Metadata of a wait: how many checkpoint calls the flow had made before it.
_CALLS_BEFORE = "kitaru_calls_before"


class ZenMLBoard:
    """The waits of one execution."""

    def __init__(
        self,
        execution_id: str,
        journal: Journal,
        *,
        fresh: bool,
        inherited: Mapping[str, Answer] | None = None,
        is_awaited: Callable[[], bool] = lambda: False,
    ) -> None:
        self._execution_id = execution_id
        self._journal = journal
        self._inherited = inherited or {}
        self._is_awaited = is_awaited
        self._conditions = {} if fresh else _by_name(conditions(execution_id))

    def answer_of(self, name: str) -> Answer | None:
        """Return the last answer given to a wait of that name."""
        asked = self._conditions.get(name, [])
        if not asked or asked[-1].status == RunWaitConditionStatus.PENDING:
            return None
        return _answer(asked[-1])

    def take_over(self, question: Question) -> Answer | None:
        """Return an answer of the source, and note it here."""
        asked = self._conditions.setdefault(question.name, [])
        answer = self._inherited.get(question.name)
        # One pending condition may be what a crash left of noting the answer; more
        # than one means that a person is asked, because that answer was refused.
        if answer is None or len(asked) > 1:
            return None
        with translated(f"taking over the answer to wait {question.name!r}"):
            if not asked:
                asked.append(self._create(question, 0))
            asked[0] = Client().zen_store.resolve_run_wait_condition(
                asked[0].id,
                RunWaitConditionResolveRequest(
                    resolution=RunWaitConditionResolution.CONTINUE, result=answer.value
                ),
            )
        return answer

    def open(self, question: Question) -> PendingWait:
        """Ask, or find the question open."""
        asked = self._conditions.setdefault(question.name, [])
        with translated(f"opening wait {question.name!r}"):
            if not asked or asked[-1].status != RunWaitConditionStatus.PENDING:
                asked.append(self._create(question, len(asked)))
            self._opened(asked[-1])
        return pending_wait(asked[-1], self._execution_id)

    def _opened(self, condition: RunWaitConditionResponse) -> None:
        """Show that the execution waits."""
        _set_status(self._execution_id, ExecutionStatus.PAUSED, "Waiting for input.")

    def poll(
        self, wait: PendingWait, *, timeout: float, idle: Callable[[float], None]
    ) -> Answer | None:
        """Watch the journal closely and the store now and then.

        Where other executions need this process it does not stay.
        """
        deadline = time.monotonic() + (0 if self._is_awaited() else timeout)
        next_look = time.monotonic() + POLL_STORE
        while True:
            told = self._journal.answer(wait.wait_id)
            if told is not None:
                return Answer(told.get("value"), bool(told.get("aborted")))
            moment = time.monotonic()
            if moment >= next_look or moment >= deadline:
                next_look = moment + POLL_STORE
                answer = self._look(wait)
                if answer is not None:
                    return answer
                if self._is_awaited():
                    deadline = moment
            if moment >= deadline:
                return None
            idle(min(POLL_JOURNAL, max(deadline - moment, 0.0)))

    def give(self, wait: PendingWait, value: object) -> None:
        """Store a checked answer."""
        resolve(wait, RunWaitConditionResolution.CONTINUE, value)
        self._journal.put_answer(wait.wait_id, self._execution_id, {"value": value})

    def accepted(self, wait: PendingWait) -> None:
        """Go on."""
        with translated("going on after an answer"):
            _set_status(self._execution_id, ExecutionStatus.RUNNING, None)

    def _look(self, wait: PendingWait) -> Answer | None:
        try:
            with translated(f"looking for an answer to wait {wait.name!r}"):
                condition = Client().zen_store.get_run_wait_condition(
                    UUID(wait.wait_id), hydrate=True
                )
        except KitaruBackendError as error:
            # A store that is locked or away for a while must not end a wait of days.
            logger.debug("%s", error, exc_info=True)
            return None
        if condition.status == RunWaitConditionStatus.PENDING:
            return None
        return _answer(condition)

    def _create(self, question: Question, earlier: int) -> RunWaitConditionResponse:
        client = Client()
        name, schema = question.name, question.schema
        return client.zen_store.create_run_wait_condition(
            RunWaitConditionRequest(
                project=client.active_project.id,
                run=UUID(self._execution_id),
                # Names are unique in ZenML; a question asked again gets a mark.
                name=f"{name}{_AGAIN}{earlier + 1}" if earlier else name,
                type=RunWaitConditionType.EXTERNAL_INPUT,
                question=question.text,
                data_schema=dict(schema) if schema is not None else None,
                metadata={**question.metadata, _CALLS_BEFORE: question.calls_before},
            )
        )


def conditions(execution_id: str) -> list[RunWaitConditionResponse]:
    """Return all waits of an execution, oldest first."""
    return _list(_of_one, pipeline_run=UUID(execution_id))


def count_answered(execution_id: str) -> int:
    """Return how many waits of an execution are answered or given up."""
    return sum(
        condition.status != RunWaitConditionStatus.PENDING
        for condition in conditions(execution_id)
    )


def answers_before(execution_id: str, order: int) -> dict[str, Answer]:
    """Return the answers to waits that a flow came to before its so-manieth call."""
    return {
        name: _answer(asked[-1])
        for name, asked in _by_name(conditions(execution_id)).items()
        if asked[-1].status != RunWaitConditionStatus.PENDING
        and _calls_before(asked[-1]) < order
    }


def _calls_before(condition: RunWaitConditionResponse) -> float:
    noted = condition.run_metadata.get(_CALLS_BEFORE)
    return noted if isinstance(noted, int) else float("inf")


def open_conditions(execution_id: str | None = None) -> list[RunWaitConditionResponse]:
    """Return open waits, of one execution or of all."""
    if execution_id is None:
        return _list(eager.wait_conditions, status=RunWaitConditionStatus.PENDING.value)
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
            if name != _CALLS_BEFORE
        },
        entered_waiting_at=condition.created.replace(tzinfo=UTC),
        exec_id=execution_id or str(condition.run.id),
    )


def base_name(name: str) -> str:
    """Return the name of a wait without the mark of a question asked again."""
    return name.partition(_AGAIN)[0]


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


def _by_name(
    found: list[RunWaitConditionResponse],
) -> dict[str, list[RunWaitConditionResponse]]:
    named: dict[str, list[RunWaitConditionResponse]] = {}
    for condition in found:
        named.setdefault(base_name(condition.name), []).append(condition)
    return named


def _answer(condition: RunWaitConditionResponse) -> Answer:
    aborted = condition.resolution == RunWaitConditionResolution.ABORT
    return Answer(condition.result, aborted)


def _set_status(execution_id: str, status: ExecutionStatus, reason: str | None) -> None:
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
