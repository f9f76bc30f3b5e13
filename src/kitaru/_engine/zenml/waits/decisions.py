"""Which answer to a wait stands, decided once; everything else follows that.

On a store that is a file the journal decides: the first answer in it stands, and the
condition in ZenML is made to say the same, by whoever meets one that does not. On a
server the server compares, since people answer there who have no part in this journal.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from zenml.enums import RunWaitConditionStatus
from zenml.models import PipelineRunResponse, RunWaitConditionResponse

from kitaru._core.waits import answered
from kitaru._core.waits.answered import Answer
from kitaru._core.waits.condition_names import terms_in
from kitaru._core.waits.terms import Terms
from kitaru._engine.journal import due
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Lease
from kitaru._engine.journal.refusals import is_of_a_row
from kitaru._engine.recording import answer_watch
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.waits import conditions
from kitaru.errors import KitaruBackendError
from kitaru.models import AnsweredWait, PendingWait

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decided:
    """An answer that stands.

    `lease` is that of a living runner on this machine, who takes the answer; `condition`
    what a server says of the wait.
    """

    lease: Lease | None
    condition: RunWaitConditionResponse | None = None


class Decisions:
    """The answers to waits, in the journal and in ZenML."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def decide(self, wait: PendingWait, answer: Answer) -> Decided:
        """Make an answer the one that stands.

        Raises:
            KitaruStateError: If somebody else was faster; nothing of it stays.
        """
        assert wait.exec_id is not None  # waits of an engine know their execution
        noted = answer.to_dict()
        if runs.store_is_a_file():
            lease = self._journal.decide(wait.wait_id, wait.exec_id, noted)
            self.follow(wait.wait_id, wait.exec_id, answer)
            return Decided(lease)
        condition = conditions.resolve(wait, answer)
        conditions.note(wait.wait_id, wait.exec_id, wait.name, answer)
        lease = self._journal.carry_over(wait.wait_id, wait.exec_id, noted)
        return Decided(lease, condition)

    def carry_over(self, condition: RunWaitConditionResponse, exec_id: str) -> Answer:
        """Return what stands for a condition that is resolved in ZenML."""
        answer = conditions.answer_in(condition)
        wait_id = str(condition.id)
        self._journal.carry_over(wait_id, exec_id, answer.to_dict())
        return self.answer_of(wait_id) or answer

    def answer_of(self, wait_id: str) -> Answer | None:
        """Return the answer that the journal has."""
        noted = self._journal.answer(wait_id)
        return Answer.from_dict(noted) if noted is not None else None

    def answer_in_time(self, wait: PendingWait, terms: Terms) -> Answer | None:
        """Return the answer that stands; when the wait is over, the clock gives one."""
        return answer_watch.answer_in_time(
            lambda: self.answer_of(wait.wait_id),
            terms,
            lambda outcome: self.decide(wait, outcome),
        )

    def follow(self, wait_id: str, execution_id: str, answer: Answer) -> None:
        """Let ZenML say what stands; what fails is done by whoever looks next."""
        if not runs.store_is_a_file():
            return
        try:
            conditions.follow(wait_id, execution_id, answer)
        except KitaruBackendError as error:
            logger.debug("%s", error, exc_info=True)

    def open_waits(self, execution_id: str | None) -> list[PendingWait]:
        """Return the waits without an answer, of one execution or of all."""
        found = conditions.open_conditions(execution_id)
        is_open = self.is_open if execution_id else self._is_surely_open
        return [
            conditions.pending_wait(one)
            for one in found
            # What has ended has no use for answers any more.
            if not one.run.status.is_finished and is_open(one)
        ]

    def _is_surely_open(self, condition: RunWaitConditionResponse) -> bool:
        try:
            return self.is_open(condition)
        except KitaruBackendError as error:
            if not is_of_a_row(error):
                raise
            # Whoever asks for its execution is told; the others are to be seen.
            logger.debug("%s", error)
            return False

    def is_open(
        self, condition: RunWaitConditionResponse, *, looks_only: bool = False
    ) -> bool:
        """Whether nobody has answered it; ZenML may not know of an answer yet.

        One whose time is over is not open: the clock answers it, unless somebody looks
        only.
        """
        if condition.status != RunWaitConditionStatus.PENDING:
            return False
        wait = conditions.pending_wait(condition)
        assert wait.exec_id is not None  # waits of an engine know their execution
        answer = self.answer_of(wait.wait_id)
        if answer is None and self._is_watched(wait):
            return True
        if answer is None:
            terms = terms_in(condition.run_metadata)
            if looks_only:
                return not terms.is_over(due.now())
            answer = self.answer_in_time(wait, terms)
        if answer is None:
            return True
        self.follow(wait.wait_id, wait.exec_id, answer)
        return False

    def _is_watched(self, wait: PendingWait) -> bool:
        """Whether a living runner sees by itself when a wait is over."""
        assert wait.exec_id is not None
        lease = self._journal.lease(wait.exec_id)
        return lease is not None and lease.is_live

    def has_open_wait(
        self, run: PipelineRunResponse, *, looks_only: bool = False
    ) -> bool:
        """Whether an execution that was listed waits for an answer."""
        condition = run.active_wait_condition
        return condition is not None and self.is_open(condition, looks_only=looks_only)

    def waits_of(
        self, execution_id: str
    ) -> tuple[list[PendingWait], list[AnsweredWait]]:
        """Return the open waits of an execution, and those that are over."""
        still_open, over = [], []
        for asked in conditions.by_name(conditions.of(execution_id)).values():
            for condition in asked:
                wait = conditions.pending_wait(condition, execution_id)
                if self.is_open(condition):
                    still_open.append(wait)
                    continue
                answer = self.answer_of(wait.wait_id) or conditions.answer_in(condition)
                again = condition is not asked[-1]
                over.append(answered.described(wait, answer, refused=again))
        return still_open, over
