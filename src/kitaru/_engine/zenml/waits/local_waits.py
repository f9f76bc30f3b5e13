"""The waits of one execution whose runner and journal are on this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.enums import (
    ExecutionStatus,
    RunWaitConditionStatus,
    RunWaitConditionType,
)
from zenml.models import (
    RunWaitConditionRequest,
    RunWaitConditionResponse,
)

from kitaru._core.waits import answered, condition_names
from kitaru._core.waits.answered import Answer
from kitaru._core.waits.terms import Terms
from kitaru._engine.journal import due, notices
from kitaru._engine.journal.journal import Journal
from kitaru._engine.port.execution import Question
from kitaru._engine.recording import answer_watch
from kitaru._engine.zenml.connection import account
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.setup.errors import translated
from kitaru._engine.zenml.waits import conditions
from kitaru._engine.zenml.waits.conditions import pending_wait
from kitaru._engine.zenml.waits.decisions import Decisions
from kitaru.errors import KitaruBackendError
from kitaru.models import PendingWait

logger = logging.getLogger(__name__)


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
        self._decisions = Decisions(journal)
        self._inherited = inherited or {}
        self._is_awaited = is_awaited
        self._terms: dict[str, Terms] = {}
        self._conditions = (
            {} if fresh else conditions.by_name(conditions.of(execution_id))
        )

    def answer_of(self, name: str) -> Answer | None:
        """Return the last answer given to a wait of that name."""
        asked = self._conditions.get(name, [])
        if not asked or self._decisions.is_open(asked[-1]):
            return None
        known = self._decisions.answer_of(str(asked[-1].id))
        return known or self._decisions.carry_over(asked[-1], self._execution_id)

    def take_over(self, question: Question) -> Answer | None:
        asked = self._conditions.setdefault(question.name, [])
        answer = self._inherited.get(question.name)
        # One pending condition may be what a crash left of noting the answer; more
        # than one means that a person is asked, because that answer was refused.
        if answer is None or len(asked) > 1:
            return None
        with translated(f"taking over the answer to wait {question.name!r}"):
            if not asked:
                asked.append(self._create(question, 0))
        wait = pending_wait(asked[0], self._execution_id)
        # Who gave it there, and when, stays; it came here by the replay.
        taken = replace(answer, surface=answered.REPLAY)
        self._decisions.decide(wait, taken)
        return taken

    def open(self, question: Question) -> PendingWait:
        """Ask, or find the question open."""
        asked = self._conditions.setdefault(question.name, [])
        with translated(f"opening wait {question.name!r}"):
            if not asked or not self._decisions.is_open(asked[-1]):
                asked.append(self._create(question, len(asked)))
        wait, terms = pending_wait(asked[-1], self._execution_id), _terms(asked[-1])
        due.expect(self._journal, wait.wait_id, self._execution_id, terms)
        notices.expect(self._journal, wait, question.notify)
        self._terms[wait.wait_id] = terms
        return wait

    def pause(self, wait: PendingWait) -> None:
        with translated(f"waiting for {wait.name!r}"):
            conditions.show_status(
                self._execution_id, ExecutionStatus.PAUSED, "Waiting for input."
            )

    def poll(
        self, wait: PendingWait, *, timeout: float, idle: Callable[[float], None]
    ) -> Answer | None:
        return answer_watch.watch(
            lambda: self._decisions.answer_in_time(wait, self._terms[wait.wait_id]),
            lambda: self._look(wait),
            timeout=timeout,
            idle=idle,
            is_awaited=self._is_awaited,
        )

    def give(self, wait: PendingWait, value: object) -> None:
        """Store a checked answer."""
        answer = answered.given(value, by=account.name(), surface=answered.TERMINAL)
        self._decisions.decide(wait, answer)

    def accepted(self, wait: PendingWait) -> None:
        stands = self._decisions.answer_of(wait.wait_id)
        if stands is not None:
            # Whoever gave it may have died before ZenML knew.
            self._decisions.follow(wait.wait_id, self._execution_id, stands)
        with translated("going on after an answer"):
            conditions.show_status(self._execution_id, ExecutionStatus.RUNNING, None)

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
        return self._decisions.carry_over(condition, self._execution_id)

    def _create(self, question: Question, earlier: int) -> RunWaitConditionResponse:
        name, schema = question.name, question.schema
        asked = self._conditions.get(name)
        # What is asked again is over when it was to be.
        terms = _terms(asked[0]) if asked else question.terms(due.now())
        return conditions.create(
            RunWaitConditionRequest(
                project=Client().active_project.id,
                run=UUID(self._execution_id),
                # Names are unique in ZenML; a question asked again gets a mark.
                name=f"{name}{condition_names.AGAIN}{earlier + 1}" if earlier else name,
                type=RunWaitConditionType.EXTERNAL_INPUT,
                question=question.text,
                data_schema=self._stored_schema(schema, terms),
                metadata={
                    **question.metadata,
                    **condition_names.own_metadata(question.calls_before, terms),
                },
            )
        )

    @staticmethod
    def _stored_schema(
        schema: Mapping[str, Any] | None, terms: Terms
    ) -> dict[str, Any] | None:
        """Return the schema that ZenML checks what comes of a wait against.

        A server checks also that it expired, which is nothing.
        """
        if schema is None or runs.store_is_a_file():
            return None if schema is None else dict(schema)
        if terms.expires_at is None or terms.default is not None:
            return dict(schema)
        whole = dict(schema)
        shared = {"$defs": whole.pop("$defs")} if "$defs" in whole else {}
        return {"anyOf": [whole, {"type": "null"}], **shared}


def _terms(condition: RunWaitConditionResponse) -> Terms:
    return condition_names.terms_in(condition.run_metadata)
