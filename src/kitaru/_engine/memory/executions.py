"""One execution in memory, and its waits."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kitaru._core.calls import described, failures
from kitaru._core.calls.names import is_call_of
from kitaru._core.calls.records import CallRecord, StoredFailure, StoredValue
from kitaru._core.calls.replay import ReplayPlan
from kitaru._core.flows import inputs as rules
from kitaru._core.flows.deployed import DeployedCode
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.secrecy import masking
from kitaru._core.settings.labels import Labels, has
from kitaru._core.settings.notify import Notify
from kitaru._core.settings.settings import Settings
from kitaru._core.values import codec
from kitaru._core.values.codec import Encoded
from kitaru._core.values.tagging import anything
from kitaru._core.waits import answered, notices
from kitaru._core.waits.answered import Answer
from kitaru._core.waits.notices import Notice
from kitaru._core.waits.terms import Terms
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.port.execution import Question
from kitaru._engine.settings import person
from kitaru._engine.values import value_files
from kitaru.models import (
    AnsweredWait,
    ArtifactRef,
    Execution,
    ExecutionStatus,
    FailureInfo,
    LogEntry,
    PendingWait,
)


@dataclass(frozen=True)
class Reminder:
    """When somebody is reminded of an open question, and how often that was done."""

    at: datetime
    every: timedelta
    told: int = 0


@dataclass
class MemoryExecution:
    """Everything there is of one execution."""

    execution_id: str
    flow: FlowSpec
    inputs: Encoded
    started_at: datetime
    replay: ReplayPlan | None = None
    settings: Settings = field(default_factory=Settings)
    labels: Labels = field(default_factory=Labels)
    status: ExecutionStatus = ExecutionStatus.RUNNING
    ended_at: datetime | None = None
    calls: dict[str, CallRecord] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    waits: list[PendingWait] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    calls_before: dict[str, int] = field(default_factory=dict)
    terms: dict[str, Terms] = field(default_factory=dict)
    notified: dict[str, list[Notice]] = field(default_factory=dict)
    reminders: dict[str, Reminder] = field(default_factory=dict)
    result: Encoded | None = None
    failure: StoredFailure | None = None
    logs: list[LogEntry] = field(default_factory=list)
    bodies_run: list[str] = field(default_factory=list)
    is_to_stop: bool = False
    deployed: DeployedCode | None = None
    has_json_inputs: bool = False

    @property
    def deployment_id(self) -> str | None:
        """The version whose code it runs."""
        return self.deployed.deployment_id if self.deployed else None

    def fitted(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return its inputs as the flow's annotations ask for them."""
        return rules.complete(self.flow, (), given) if self.has_json_inputs else given

    def decoded_inputs(self) -> dict[str, Any]:
        """Return its inputs as they were given."""
        inputs = codec.decode(self.inputs.serializer, self.inputs.payload, anything)
        assert isinstance(inputs, dict)
        return inputs

    def summary(self) -> Execution:
        """Return it as lists show it."""
        return Execution(
            exec_id=self.execution_id,
            flow_id=self.flow.name,
            flow_name=self.flow.name,
            status=self.status,
            started_at=self.started_at,
            ended_at=self.ended_at,
            stack_name=self.settings.stack or "memory",
            original_exec_id=self.replay.source if self.replay else None,
        )

    def result_refs(self) -> list[ArtifactRef]:
        """Return what it returned as an artifact; none before it has."""
        if self.result is None:
            return []
        value = value_files.inline(self.result)
        return [described.result_ref(self.execution_id, value, bound)]

    def described_failure(self) -> FailureInfo | None:
        """Return why it failed, as users see it."""
        return failures.describe(self.failure) if self.failure else None

    @property
    def open_waits(self) -> list[PendingWait]:
        """The waits that have no answer yet, oldest first."""
        return [wait for wait in self.waits if wait.wait_id not in self.answers]

    def over(self, wait_id: str, answer: Answer) -> list[Notice]:
        """Return what people are to be told of the end of a wait."""
        return [
            replace(
                opened,
                notice_id=f"{wait_id}.over{opened.channel.mark}",
                payload=notices.over(opened.payload, answer),
            )
            for opened in self.notified.get(wait_id, [])
        ]

    def reminded(self, moment: datetime) -> list[Notice]:
        """Return what people are to be reminded of, whose questions are open for long."""
        found = []
        for wait in self.open_waits:
            due = self.reminders.get(wait.wait_id)
            if due is None or due.at > moment or due.told >= notices.MOST_REMINDERS:
                continue
            due = Reminder(moment + due.every, due.every, due.told + 1)
            self.reminders[wait.wait_id] = due
            found += [
                replace(
                    opened,
                    notice_id=f"{wait.wait_id}.remind.{due.told}{opened.channel.mark}",
                    payload=notices.reminded(opened.payload, due.told),
                )
                for opened in self.notified[wait.wait_id]
            ]
        return found

    def ended(self) -> list[Notice]:
        """Return what people are to be told of its end."""
        target = self.settings.notify
        if target is None or self.status is ExecutionStatus.CANCELLED:
            return []
        payload = notices.ended(
            self.execution_id, self.flow.name, self.failure, target.link
        )
        notice_id = f"{self.execution_id}.{payload['type']}.{uuid.uuid4()}"
        return [
            Notice(notice_id + way.mark, self.execution_id, way, payload)
            for way in notices.channels(target)
        ]

    def go_on(self) -> None:
        """Be run by the caller from now on."""
        self.status = ExecutionStatus.RUNNING
        # Who asked an earlier attempt to stop did not mean this one.
        self.is_to_stop = False

    def answers_to(self, query: ExecutionQuery) -> bool:
        """Whether it is one that somebody asks for."""
        known = {**self.labels.attributes, **self.notes}
        return (
            query.flow in (None, self.flow.name)
            and query.status in (None, self.status)
            and query.deployment_id in (None, self.deployment_id)
            and set(query.tags) <= set(self.labels.tags)
            and all(has(known, name, text) for name, text in query.where)
            and (query.since is None or self.started_at >= query.since)
            and (query.failed_in is None or self._has_failed_in(query.failed_in))
        )

    def _has_failed_in(self, wanted: str) -> bool:
        return any(
            call.status == "failed" and is_call_of(call.invocation_id, wanted)
            for call in self.calls.values()
        )

    def write(
        self, message: str, *, level: str = "INFO", checkpoint: str | None = None
    ) -> None:
        """Keep one log entry."""
        self.logs.append(
            LogEntry(
                timestamp=now(),
                level=level,
                message=masking.text(message),
                source="step" if checkpoint else "runner",
                checkpoint=checkpoint,
            )
        )

    # Log sinks are keys of a table: one execution is like no other.
    __hash__ = object.__hash__


class Board:
    """The waits of one execution."""

    def __init__(
        self,
        execution: MemoryExecution,
        inherited: Mapping[str, Answer],
        now: Callable[[], datetime],
        tell: Callable[[Notice], None] = lambda notice: None,
    ) -> None:
        self._tell = tell
        self._execution = execution
        self._inherited = inherited
        self._now = now

    def answer_of(self, name: str) -> Answer | None:
        asked = [wait for wait in self._execution.waits if wait.name == name]
        return self._execution.answers.get(asked[-1].wait_id) if asked else None

    def take_over(self, question: Question) -> Answer | None:
        answer = self._inherited.get(question.name)
        if answer is None or any(
            wait.name == question.name for wait in self._execution.waits
        ):
            return None
        taken = replace(answer, surface=answered.REPLAY)
        self._execution.answers[self.open(question).wait_id] = taken
        return taken

    def open(self, question: Question) -> PendingWait:
        for known in self._execution.open_waits:
            if known.name == question.name:
                return known
        schema = question.schema
        terms = self._terms(question)
        wait = PendingWait(
            wait_id=str(uuid.uuid4()),
            name=question.name,
            question=question.text,
            schema=dict(schema) if schema is not None else None,
            metadata=dict(question.metadata),
            entered_waiting_at=self._now(),
            expires_at=terms.expires_at,
            kind=terms.kind,
            exec_id=self._execution.execution_id,
        )
        self._execution.waits.append(wait)
        self._execution.terms[wait.wait_id] = terms
        if question.notify is not None:
            self._notify(wait, question.notify)
        self._execution.calls_before[wait.wait_id] = question.calls_before
        return wait

    def _notify(self, wait: PendingWait, target: Notify) -> None:
        payload = notices.opened(wait, target.link)
        told = [
            Notice(
                f"{wait.wait_id}.opened{way.mark}",
                self._execution.execution_id,
                way,
                payload,
            )
            for way in notices.channels(target)
        ]
        self._execution.notified[wait.wait_id] = told
        if target.remind is not None:
            every = timedelta(seconds=target.remind)
            due = Reminder(self._now() + every, every)
            self._execution.reminders[wait.wait_id] = due
        for notice in told:
            self._tell(notice)

    def pause(self, wait: PendingWait) -> None:
        """How the attempt ends says it."""

    def poll(
        self, wait: PendingWait, *, timeout: float, idle: Callable[[float], None]
    ) -> Answer | None:
        known, now = self._execution.answers, self._now()
        if self._execution.terms[wait.wait_id].is_over(now):
            outcome = self._execution.terms[wait.wait_id].outcome()
            stands = known.setdefault(wait.wait_id, outcome)
            if stands is outcome:
                for notice in self._execution.over(wait.wait_id, stands):
                    self._tell(notice)
            return stands
        return known.get(wait.wait_id)

    def _terms(self, question: Question) -> Terms:
        """Return the terms of a wait that is opened; one asked again has those it had."""
        asked = [wait for wait in self._execution.waits if wait.name == question.name]
        if asked:
            return self._execution.terms[asked[0].wait_id]
        return question.terms(self._now())

    def give(self, wait: PendingWait, value: object) -> None:
        self._execution.answers[wait.wait_id] = answered.given(
            value, by=person.here(), surface=answered.TERMINAL
        )

    def accepted(self, wait: PendingWait) -> None:
        self._execution.status = ExecutionStatus.RUNNING


def bound(ref: ArtifactRef, value: StoredValue) -> ArtifactRef:
    """Give an artifact its `load()`."""
    payload = value.payload or b""
    return ref.bind(lambda _trust: value_files.load(value, payload, anything))


def answered_waits(execution: MemoryExecution) -> Iterator[AnsweredWait]:
    """Yield the waits that are over, oldest first."""
    newest = {wait.name: wait for wait in execution.waits}
    for wait in execution.waits:
        answer = execution.answers.get(wait.wait_id)
        if answer is not None:
            again = newest[wait.name] is not wait
            yield answered.described(wait, answer, refused=again)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)
