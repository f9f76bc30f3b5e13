"""The waits of a flow body: ask, and take the answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, cast

from kitaru._core.calls import breakpoints, names
from kitaru._core.calls.records import OUTPUT
from kitaru._core.calls.replay import Action, Decision
from kitaru._core.flows.signals import Cancelled, FlowSignal, Suspended
from kitaru._core.flows.specs import Hooks, WaitRequest
from kitaru._core.secrecy import masking
from kitaru._core.settings.notify import Notify
from kitaru._core.values import codec
from kitaru._core.waits import answered, answers
from kitaru._core.waits.answered import Answer
from kitaru._core.words.similar import shorten
from kitaru._core.words.wording import moment
from kitaru._engine.port.execution import Parts, Question
from kitaru._engine.session.checkpoint_call import Ticket
from kitaru._engine.session.endings import Control, tell_wait
from kitaru._engine.session.terminal_question import TerminalQuestion, has_terminal
from kitaru.errors import (
    KitaruUsageError,
    KitaruWaitExpired,
    KitaruWaitValidationError,
)
from kitaru.models import PendingWait

R = TypeVar("R")
# Seconds between two looks at several waits.
_LOOK_AGAIN = 0.2

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True


@dataclass
class Asked:
    """One wait: what is asked, the answer it has, and where it is open."""

    request: WaitRequest
    question: Question
    answer: Answer | None = None
    open: PendingWait | None = None
    # Whether the flow went on after it was asked.
    went_on: bool = False


class WaitFuture(Generic[R]):
    """A question that was asked, while the flow went on.

    Attributes:
        name: The handle to answer it by.

    Example:
        >>> asked = [wait.submit(schema=bool, name=n) for n in names]  # doctest: +SKIP
        >>> votes = [one.result() for one in asked]  # doctest: +SKIP
    """

    def __init__(self, asked: Asked, collect: Callable[[Asked], object]) -> None:
        self._asked = asked
        self._collect = collect

    @property
    def name(self) -> str:
        """The handle to answer it by."""
        return self._asked.question.name

    @property
    def asked(self) -> Asked:
        """What was asked, for the session."""
        return self._asked

    def result(self) -> R:
        """Return the answer; pauses the flow until it is there, as `wait()` does.

        Raises:
            KitaruWaitExpired: If it expired without one.
            KitaruContextError: Outside the flow body.
        """
        value: Any = self._collect(self._asked)
        return cast("R", value)

    def __repr__(self) -> str:
        return f"<WaitFuture {self.name}>"


class Waiting:
    """Opens the waits of one attempt and takes their answers."""

    def __init__(
        self, execution_id: str, parts: Parts, control: Control, hooks: Hooks
    ) -> None:
        self._execution_id = execution_id
        self._parts = parts
        self._control = control
        self._hooks = hooks
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
                    notify=self._told(request),
                ),
            )
            for request in requests
        ]

    def _told(self, request: WaitRequest) -> Notify | None:
        """Return who is told of a wait; of a timer nobody is, unless that says so."""
        if request.notify is not None or request.kind == "timer":
            return request.notify
        return self._parts.notify

    def answers(self, asked: Sequence[Asked]) -> list[object]:
        """Return the answers in the order of the questions, or leave the flow body.

        Where the engine can, all of them are open before the first answer is waited
        for, and people may answer in any order; elsewhere one opens after the other.

        Raises:
            FlowSignal: If not all are answered in time, or one was given up.
            KitaruWaitExpired: If one expired without an answer.
        """
        for one in asked:
            self._look(one)
        self._by_name = len(asked) > 1
        if self._by_name and self._parts.several_waits:
            for one in asked:
                if one.answer is None:
                    self._open(one)
        return [*self.collect(asked)]

    def ask(self, asked: Asked) -> None:
        """Ask without stopping; where only one wait can be open, ask when it is needed."""
        self._look(asked)
        self._by_name = True
        if asked.answer is None and self._parts.several_waits:
            asked.went_on = True
            self._open(asked)

    def collect(self, asked: Sequence[Asked]) -> list[object]:
        """Return the answers to what was asked; see `answers`."""
        values = [self._value(one) for one in asked]
        self._accept(asked)
        return values

    def _accept(self, asked: Sequence[Asked]) -> None:
        """Go on after what was open."""
        opened = [one for one in asked if one.open is not None]
        if opened:
            self._check_held()
        for one in opened:
            assert one.open is not None
            self._parts.board.accepted(one.open)
            one.open = None

    def first(self, asked: Sequence[Asked], count: int) -> list[Asked]:
        """Return the waits that were answered first, or leave until so many are.

        Of those that are answered already, the earliest.
        """
        deadline = time.monotonic() + max(one.request.timeout for one in asked)
        while True:
            known = [one for one in asked if self.has_answer(one)]
            if len(known) >= count:
                chosen = sorted(known, key=_answered_at)[:count]
                self._accept(chosen)
                return chosen
            open_waits = [one.open for one in asked if one.open is not None]
            self._parts.board.pause(open_waits[0])
            if time.monotonic() >= deadline or not self._parts.stays():
                raise self.suspended(*asked)
            self._check_held()
            time.sleep(_LOOK_AGAIN)

    def _look(self, asked: Asked) -> None:
        """Give a wait its name, and the answer that it has."""
        board = self._parts.board
        name = self._names.next(asked.question.name)
        asked.question = replace(asked.question, name=name)
        asked.answer = board.answer_of(name) or board.take_over(asked.question)

    # -- for breakpoints -------------------------------------------------------

    def before_call(self, request: WaitRequest, calls_before: int) -> Asked:
        """Ask before a call; what was said of it in an earlier attempt holds."""
        (asked,) = self.prepared([request], calls_before=calls_before)
        asked.answer = self._parts.board.answer_of(asked.question.name)
        self._by_name = True
        return asked

    def has_answer(self, asked: Asked) -> bool:
        """Whether something was said; asks first."""
        if asked.answer is None:
            wait = asked.open or self._open(asked)
            asked.answer = self._parts.board.poll(wait, timeout=0, idle=time.sleep)
        return asked.answer is not None

    def suspended(self, *asked: Asked) -> BaseException:
        """Return what leaves the flow body at what is open."""
        ids = [one.open.wait_id for one in asked if one.open is not None]
        return self._control.end(Suspended(waits=ids))

    # -- one wait --------------------------------------------------------------

    def _value(self, asked: Asked) -> object:
        """Return the answer to one wait, asking again while it does not fit."""
        name, reporter = asked.question.name, self._parts.reporter
        while True:
            answer = asked.answer = asked.answer or self._ask_person(asked)
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
                asked.went_on = False

    def _check_expired(self, asked: Asked, answer: Answer) -> None:
        """Go on after a timer; tell the flow of a question that nobody answered.

        Raises:
            KitaruWaitExpired: For a question.
        """
        if asked.question.kind == "timer":
            return
        self._accept([asked])
        name, at = asked.question.name, answer.at or datetime.now(UTC)
        raise KitaruWaitExpired(
            f"wait {name!r} expired at {moment(at)}: nobody had answered; catch "
            "KitaruWaitExpired in the flow, or give wait(default=...)",
            wait=name,
            expired_at=at,
        )

    def _ask_person(self, asked: Asked) -> Answer:
        wait = asked.open or self._open(asked)
        if asked.went_on:
            self._parts.board.pause(wait)
        answer = self._poll(wait, asked.request.timeout)
        if answer is None:
            raise self.suspended(asked)
        return answer

    def _open(self, asked: Asked) -> PendingWait:
        self._parts.recorder.drain()
        self._check_held()
        wait = asked.open = self._parts.board.open(asked.question)
        if not asked.went_on:
            self._parts.board.pause(wait)
        self._parts.reporter.waiting(self._execution_id, wait, by_name=self._by_name)
        tell_wait(self._hooks, self._execution_id, wait, self._parts.reporter)
        return wait

    def _check_held(self) -> None:
        try:
            self._parts.recorder.check()
        except FlowSignal as signal:
            raise self._control.end(signal) from None

    def _idle(self, asked: TerminalQuestion, seconds: float) -> None:
        asked.idle(seconds)
        # A call beside may have ended the body.
        self._control.check()

    def _poll(self, wait: PendingWait, timeout: float) -> Answer | None:
        board = self._parts.board
        asked = TerminalQuestion(wait, lambda value: board.give(wait, value))
        try:
            answer = board.poll(
                wait, timeout=timeout, idle=lambda s: self._idle(asked, s)
            )
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


class Stops:
    """Stops calls at breakpoints before they run, and does what somebody says there."""

    def __init__(
        self, execution_id: str, parts: Parts, control: Control, waiting: Waiting
    ) -> None:
        self._execution_id = execution_id
        self._parts = parts
        self._control = control
        self._waiting = waiting

    def before(self, ticket: Ticket, decision: Decision, calls: int) -> Asked | None:
        """Return what is to be asked before a call runs, if it is to stop.

        Args:
            ticket: The call.
            decision: What becomes of it otherwise.
            calls: How many calls the flow has made, with this one.
        """
        if decision.action is not Action.RUN or ticket.spec.is_internal:
            return None
        points, invocation_id = self._parts.breakpoints, ticket.invocation_id
        known = points.of(self._execution_id)
        matching = breakpoints.matching(known, ticket.spec.name, invocation_id)
        if not matching:
            return None
        if not all(known[selector] for selector in matching):
            points.matched(self._execution_id, matching)
        bound = ticket.spec.bind(ticket.args, ticket.kwargs)
        shown = {
            "checkpoint": ticket.spec.name,
            "arguments": breakpoints.shown(bound),
        }
        request = WaitRequest(
            schema=breakpoints.BreakAnswer,
            name=breakpoints.wait_name(invocation_id),
            question=f"Stopped before {invocation_id}",
            metadata=shown,
            # Nobody would answer here without a terminal, and going on costs little.
            timeout=answers.DEFAULT_TIMEOUT if has_terminal() else 0.0,
            kind="breakpoint",
        )
        return self._waiting.before_call(request, calls - 1)

    def answer(self, asked: Asked) -> breakpoints.BreakAnswer:
        """Return what was said, or leave the flow body."""
        (said,) = self._waiting.collect([asked])
        assert isinstance(said, breakpoints.BreakAnswer)
        return said

    async def answer_async(
        self, asked: Asked, is_quiet: Callable[[], bool]
    ) -> breakpoints.BreakAnswer:
        """Do the same while calls in flight go on; leave once `is_quiet`."""
        import asyncio

        deadline = time.monotonic() + asked.request.timeout
        while not self._waiting.has_answer(asked):
            self._control.check()
            if time.monotonic() >= deadline and is_quiet():
                raise self._waiting.suspended(asked)
            await asyncio.sleep(_LOOK_AGAIN if is_quiet() else _LOOK_AGAIN / 10)
        return self.answer(asked)

    def said(
        self, ticket: Ticket, decision: Decision, said: breakpoints.BreakAnswer
    ) -> Decision:
        """Do what somebody said; return what becomes of the call."""
        if said.action == "stop":
            raise self._control.end(Cancelled("stopped at a breakpoint"))
        points, every = self._parts.breakpoints, (breakpoints.EVERY,)
        if said.action == "step":
            points.change(self._execution_id, add=every)
        elif breakpoints.EVERY in points.of(self._execution_id):
            points.change(self._execution_id, remove=every)
        if said.action != "override":
            return decision
        what = f"the override of checkpoint {ticket.invocation_id!r}"
        encoded = codec.encode(said.value, what=what)
        value = self._parts.values.put(encoded, owner=ticket.invocation_id, name=OUTPUT)
        return Decision(Action.OVERRIDE, value=value)


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


def _answered_at(asked: Asked) -> datetime:
    at = asked.answer.at if asked.answer is not None else None
    return at or datetime.max.replace(tzinfo=UTC)
