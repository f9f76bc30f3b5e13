"""The waits of a flow body: ask, and take the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kitaru._core.calls import names
from kitaru._core.flows.signals import Cancelled, FlowSignal, Suspended
from kitaru._core.flows.specs import WaitRequest
from kitaru._core.secrecy import masking
from kitaru._core.waits import answered, answers
from kitaru._core.waits.answered import Answer
from kitaru._core.words.similar import shorten
from kitaru._core.words.wording import moment
from kitaru._engine.port.execution import Parts, Question
from kitaru._engine.session.endings import Control
from kitaru._engine.session.terminal_question import TerminalQuestion
from kitaru.errors import (
    KitaruUsageError,
    KitaruWaitExpired,
    KitaruWaitValidationError,
)
from kitaru.models import PendingWait

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True


@dataclass
class Asked:
    """One wait: what is asked, the answer it has, and where it is open."""

    request: WaitRequest
    question: Question
    answer: Answer | None = None
    open: PendingWait | None = None


class Waiting:
    """Opens the waits of one attempt and takes their answers."""

    def __init__(self, execution_id: str, parts: Parts, control: Control) -> None:
        self._execution_id = execution_id
        self._parts = parts
        self._control = control
        self._names = names.InvocationIds()
        # Whether those that are asked are several, so that each is told by its name.
        self._by_name = False

    def prepared(
        self, requests: Sequence[WaitRequest], *, calls_before: int
    ) -> list[Asked]:
        """Return what is to be asked; nothing is yet.

        Raises:
            KitaruUsageError: For a name or a schema that cannot be used, or a default
                that the schema refuses.
        """
        return [
            Asked(
                request,
                Question(
                    name=names.check_name("wait", request.name or "wait"),
                    schema=_answer_schema(request),
                    text=request.question and masking.text(request.question),
                    metadata=masking.data(request.metadata),
                    calls_before=calls_before,
                    kind=request.kind,
                    expires=request.expires,
                    default=request.default,
                ),
            )
            for request in requests
        ]

    def answers(self, asked: Sequence[Asked]) -> list[object]:
        """Return the answers in the order of the questions, or leave the flow body.

        Where the engine can, all of them are open before the first answer is waited
        for, and people may answer in any order; elsewhere one opens after the other.

        Raises:
            FlowSignal: If not all are answered in time, or one was given up.
            KitaruWaitExpired: If one expired without an answer.
        """
        board = self._parts.board
        for one in asked:
            name = self._names.next(one.question.name)
            one.question = replace(one.question, name=name)
            one.answer = board.answer_of(name) or board.take_over(one.question)
        self._by_name = len(asked) > 1
        if self._by_name and self._parts.several_waits:
            for one in asked:
                if one.answer is None:
                    self._open(one)
        values = [self._value(one) for one in asked]
        opened = [one.open for one in asked if one.open is not None]
        if opened:
            self._check_held()
        for wait in opened:
            board.accepted(wait)
        return values

    def _value(self, asked: Asked) -> object:
        """Return the answer to one wait, asking again while it does not fit."""
        name, reporter = asked.question.name, self._parts.reporter
        while True:
            answer = asked.answer or self._ask_person(asked)
            reporter.answered(name, answer)
            if answer.aborted:
                raise self._control.end(Cancelled("the wait was aborted"))
            if answer.over == "expired":
                self._check_expired(asked, answer)
                return None
            try:
                return answers.read_answer(name, asked.request.schema, answer.value)
            except KitaruWaitValidationError as error:
                # The schema allowed what a validator of the type refuses: ask again,
                # once for each such answer, and say why.
                reporter.warn(str(error))
                problem = f"{error.field}: {error.expected}, got {error.got}"
                text = answered.asked_again(asked.question.text, problem)
                asked.question = replace(asked.question, text=text)
                asked.answer = asked.open = None

    def _check_expired(self, asked: Asked, answer: Answer) -> None:
        """Go on after a timer; tell the flow of a question that nobody answered.

        Raises:
            KitaruWaitExpired: For a question.
        """
        if asked.question.kind == "timer":
            return
        if asked.open is not None:
            self._parts.board.accepted(asked.open)
        name, at = asked.question.name, answer.at or datetime.now(UTC)
        raise KitaruWaitExpired(
            f"wait {name!r} expired at {moment(at)}: nobody had answered; catch "
            "KitaruWaitExpired in the flow, or give wait(default=...)",
            wait=name,
            expired_at=at,
        )

    def _ask_person(self, asked: Asked) -> Answer:
        wait = asked.open or self._open(asked)
        answer = self._poll(wait, asked.request.timeout)
        if answer is None:
            raise self._control.end(Suspended())
        return answer

    def _open(self, asked: Asked) -> PendingWait:
        self._parts.recorder.drain()
        self._check_held()
        wait = asked.open = self._parts.board.open(asked.question)
        self._parts.reporter.waiting(self._execution_id, wait, by_name=self._by_name)
        return wait

    def _check_held(self) -> None:
        try:
            self._parts.recorder.check()
        except FlowSignal as signal:
            raise self._control.end(signal) from None

    def _poll(self, wait: PendingWait, timeout: float) -> Answer | None:
        board = self._parts.board
        asked = TerminalQuestion(wait, lambda value: board.give(wait, value))
        try:
            answer = board.poll(wait, timeout=timeout, idle=asked.idle)
        except KeyboardInterrupt:
            # Ctrl-C ends the process, not the execution: the question stays open.
            self._control.end(Suspended("interrupted"))
            raise
        finally:
            unanswered = asked.is_open
            asked.close()
        if answer is not None and unanswered:
            self._parts.reporter.warn("answered elsewhere")
        return answer


def _answer_schema(request: WaitRequest) -> dict[str, Any] | None:
    """Return the JSON schema of the answers.

    Raises:
        KitaruUsageError: If it cannot be used, or refuses the default.
    """
    schema = answers.answer_schema(request.schema)
    if request.default is None:
        return schema
    name = request.name or "wait"
    try:
        data = answers.checked(name, schema, request.default.value)
        answers.read_answer(name, request.schema, data)
    except KitaruWaitValidationError as error:
        raise KitaruUsageError(
            f"wait {name!r}: default={shorten(request.default.value)} does not fit its "
            f"schema: {error.field} must be {error.expected}, got {error.got}"
        ) from None
    return schema
