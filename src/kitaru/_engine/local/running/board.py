"""The waits of an execution whose journal and store are files of this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from kitaru._core.waits import answered, condition_names
from kitaru._core.waits.answered import Answer
from kitaru._engine.journal import due, notices
from kitaru._engine.journal.journal import Journal
from kitaru._engine.local import conditions
from kitaru._engine.local.rows import runs, waits
from kitaru._engine.local.rows.store_rows import StoreRows
from kitaru._engine.local.store import file
from kitaru._engine.local.store.file import Condition
from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.port.execution import Question
from kitaru._engine.recording import answer_watch
from kitaru._engine.settings import person
from kitaru.errors import KitaruBackendError, KitaruStateError
from kitaru.models import PendingWait

logger = logging.getLogger(__name__)


class LocalBoard:
    """The waits of one execution."""

    def __init__(
        self,
        execution_id: str,
        journal: Journal,
        store: StoreRows,
        *,
        asked: Mapping[str, list[Condition]],
        inherited: Mapping[str, Answer],
        is_awaited: Callable[[], bool],
    ) -> None:
        self._execution_id = execution_id
        self._journal = journal
        self._store = store
        # Of each name, the waits of earlier attempts and of this one, oldest first.
        self._asked = {
            name: [conditions.pending_wait(condition) for condition in those]
            for name, those in asked.items()
        }
        self._terms = {
            condition.wait_id: condition_names.terms_in(condition.metadata)
            for those in asked.values()
            for condition in those
        }
        self._resolved = {
            condition.wait_id: condition
            for those in asked.values()
            for condition in those
            if not condition.is_pending
        }
        self._inherited = inherited
        self._is_awaited = is_awaited

    def answer_of(self, name: str) -> Answer | None:
        """Return the last answer given to a wait of that name."""
        asked = self._asked.get(name, [])
        return self._stands(asked[-1].wait_id) if asked else None

    def take_over(self, question: Question) -> Answer | None:
        asked = self._asked.setdefault(question.name, [])
        answer = self._inherited.get(question.name)
        # One open wait may be what a crash left of noting the answer; more than one
        # means that a person is asked, because that answer was refused.
        if answer is None or len(asked) > 1:
            return None
        wait = asked[0] if asked else self._ask(question)
        # Who gave it there, and when, stays; it came here by the replay.
        taken = replace(answer, surface=answered.REPLAY)
        self._decide(wait, taken)
        return taken

    def open(self, question: Question) -> PendingWait:
        """Ask, or find the question open."""
        asked = self._asked.get(question.name, [])
        if not asked or self._stands(asked[-1].wait_id) is not None:
            wait = self._ask(question)
        else:
            wait = asked[-1]
        due.expect(
            self._journal, wait.wait_id, self._execution_id, self._terms[wait.wait_id]
        )
        notices.expect(self._journal, wait, question.notify)
        return wait

    def pause(self, wait: PendingWait) -> None:
        self._show("paused", "Waiting for input.")

    def poll(
        self, wait: PendingWait, *, timeout: float, idle: Callable[[float], None]
    ) -> Answer | None:
        return answer_watch.watch(
            lambda: self._answer(wait),
            lambda: self._look(wait),
            timeout=timeout,
            idle=idle,
            is_awaited=self._is_awaited,
        )

    def _answer(self, wait: PendingWait) -> Answer | None:
        """Return the answer that stands; when the wait is over, the clock gives one."""
        return answer_watch.answer_in_time(
            lambda: conditions.answer_of(self._journal, wait.wait_id),
            self._terms[wait.wait_id],
            lambda outcome: self._decide(wait, outcome),
        )

    def give(self, wait: PendingWait, value: object) -> None:
        """Store a checked answer."""
        by = person.here()
        self._decide(wait, answered.given(value, by=by, surface=answered.TERMINAL))

    def accepted(self, wait: PendingWait) -> None:
        stands = conditions.answer_of(self._journal, wait.wait_id)
        if stands is not None:
            # Whoever gave it may have died before ZenML knew.
            self._follow(wait, stands)
        self._show("running", None)

    def _decide(self, wait: PendingWait, answer: Answer) -> None:
        self._journal.decide(wait.wait_id, self._execution_id, answer.to_dict())
        self._follow(wait, answer)

    def _follow(self, wait: PendingWait, answer: Answer) -> None:
        try:
            waits.follow(self._store, self._execution_id, wait.wait_id, answer)
        except KitaruBackendError as error:
            # It stands; whoever looks next shows it in ZenML.
            logger.debug("%s", error, exc_info=True)

    def _stands(self, wait_id: str) -> Answer | None:
        """Return the answer of a wait, wherever it was given."""
        told = conditions.answer_of(self._journal, wait_id)
        if told is None and wait_id in self._resolved:
            return self._carry_over(self._resolved[wait_id])
        return told

    def _carry_over(self, condition: Condition) -> Answer:
        """Return what stands for a wait that is resolved in ZenML."""
        answer, wait_id = conditions.answer_in(condition), condition.wait_id
        self._journal.carry_over(wait_id, self._execution_id, answer.to_dict())
        return conditions.answer_of(self._journal, wait_id) or answer

    def _look(self, wait: PendingWait) -> Answer | None:
        ground = self._store.ground
        try:
            with file.opened(ground.database, ground.project_id) as store:
                found = store.condition(wait.wait_id)
        except OnlyZenMLKnows as doubt:
            # A store that is locked or away for a while must not end a wait of days.
            logger.debug("%s", doubt)
            return None
        if found is not None and not found.is_pending:
            return self._carry_over(found)
        return self._stopped(wait)

    def _stopped(self, wait: PendingWait) -> Answer | None:
        """Give a wait up whose run somebody has stopped in ZenML."""
        try:
            if not runs.is_stopped(self._store, self._execution_id):
                return None
        except KitaruBackendError as error:
            logger.debug("%s", error, exc_info=True)
            return None
        by = self._store.ground.user
        # Whoever answers at this moment may come first.
        with suppress(KitaruStateError):
            self._decide(wait, answered.given_up(by=by, surface=answered.ZENML))
        return conditions.answer_of(self._journal, wait.wait_id)

    def _ask(self, question: Question) -> PendingWait:
        asked = self._asked.setdefault(question.name, [])
        earlier, name = len(asked), question.name
        # Names are unique in ZenML; a question asked again gets a mark.
        marked = f"{name}{condition_names.AGAIN}{earlier + 1}" if earlier else name
        # What is asked again is over when it was to be.
        terms = self._terms[asked[0].wait_id] if asked else question.terms(due.now())
        wait_id, opened = waits.ask(
            self._store, self._execution_id, question, marked, terms
        )
        self._terms[wait_id] = terms
        wait = PendingWait(
            wait_id=wait_id,
            name=name,
            question=question.text,
            schema=dict(question.schema) if question.schema is not None else None,
            metadata=dict(question.metadata),
            entered_waiting_at=opened,
            expires_at=terms.expires_at,
            kind=terms.kind,
            exec_id=self._execution_id,
        )
        asked.append(wait)
        return wait

    def _show(self, status: str, reason: str | None) -> None:
        runs.show(self._store, self._execution_id, status, reason)
