"""What an engine offers one execution: a recorder, values, waits, a reporter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.flows.scope import RunningCall
from kitaru._core.flows.specs import (
    CheckpointSpec,
    Default,
    Expires,
    WaitKind,
)
from kitaru._core.settings.budgets import Budget
from kitaru._core.settings.notify import Notify
from kitaru._core.values.codec import Encoded
from kitaru._core.values.tagging import Permit, anything
from kitaru._core.waits import terms
from kitaru._core.waits.answered import Answer
from kitaru._core.waits.notices import Notice
from kitaru._core.waits.terms import Terms
from kitaru.models import (
    ExecutionStatus,
    FailureOrigin,
    PendingWait,
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How one attempt in this process ended.

    `stands_at` are the ids of the waits at which it left, to go on with any of them.
    """

    status: ExecutionStatus
    value: Any = None
    has_value: bool = False
    error: BaseException | None = None
    origin: FailureOrigin | None = None
    stands_at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StartedCall:
    """A checkpoint call whose body has begun."""

    invocation_id: str
    name: str
    started_at: datetime
    checkpoint_type: str | None = None
    parents: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    code_hash: str | None = None
    cache_key: str | None = None
    isolated: bool = False
    # A step of ZenML's, which ZenML itself launches and shows.
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class IsolatedCall:
    """A call whose body is to run in a process of its own."""

    spec: CheckpointSpec
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    running: RunningCall
    started: StartedCall


class Recorder(Protocol):
    """Makes the outcomes of one execution durable."""

    def started(self, call: StartedCall) -> None:
        """Note that a body has begun, for display only."""
        ...

    def commit(self, record: CallRecord) -> None:
        """Store an outcome; durable when this returns."""
        ...

    def link(self, record: CallRecord) -> None:
        """Note a reused outcome; the plan could derive it again, so it may come late."""
        ...

    def mark_caught(self, records: Sequence[CallRecord]) -> None:
        """Note of these failures whether the flow went on: `caught` of each says it."""
        ...

    def note(self, values: Mapping[str, Any]) -> None:
        """Merge metadata into the execution."""
        ...

    def cached(self, key: str) -> CallRecord | None:
        """Return a completed call of any execution with that cache key, the newest."""
        ...

    def drain(self) -> None:
        """Return when everything committed is visible to other processes."""
        ...

    def check(self) -> None:
        """Let nothing go on in a process that has lost the execution.

        Raises:
            TakenOver: If another process may run it by now.
        """
        ...

    def cancel_requested(self) -> bool:
        """Whether somebody asked the execution to stop; free to ask."""
        ...


class Values(Protocol):
    """Keeps the bytes of values."""

    def put(self, encoded: Encoded, *, owner: str, name: str) -> StoredValue:
        """Keep the bytes and return their description."""
        ...

    def put_file(self, path: Path, *, owner: str, name: str) -> StoredValue:
        """Keep the content of a file and return its description."""
        ...

    def get(self, value: StoredValue, *, what: str) -> bytes:
        """Return the bytes after checking their hash.

        Raises:
            KitaruRuntimeError: If they are missing or damaged; names what and where.
        """
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A stored value with its checked bytes, and what is asked before its code runs."""

    value: StoredValue
    data: bytes
    permit: Permit


# By execution, of whose id a unique prefix will do, name, and whether the caller trusts
# whoever stored it.
Find = Callable[[str, str, bool], Found]


@dataclass(frozen=True, slots=True)
class Question:
    """A wait that the flow comes to.

    `calls_before` counts the checkpoint calls made until then; that says whether the
    wait is before the anchor of a replay. `expires` is fixed when it is opened.
    """

    name: str
    schema: Mapping[str, Any] | None
    text: str | None
    metadata: Mapping[str, Any]
    calls_before: int
    kind: WaitKind = "question"
    expires: Expires | None = None
    default: Default | None = None
    notify: Notify | None = None

    def terms(self, now: datetime) -> Terms:
        """Return the terms of a wait for it that is opened now.

        Raises:
            KitaruUsageError: If its time would be over already.
        """
        return terms.fixed(self.name, self.kind, self.expires, self.default, now)


class WaitBoard(Protocol):
    """The waits of one execution."""

    def answer_of(self, name: str) -> Answer | None:
        """Return an answer given before this attempt began."""
        ...

    def take_over(self, question: Question) -> Answer | None:
        """Return the answer that a replay takes over from its source.

        It is noted as an answer of this execution, too.
        """
        ...

    def open(self, question: Question) -> PendingWait:
        """Ask; an open wait of that name is taken as it is.

        One that has an answer is not open: then the question is asked again.

        Raises:
            KitaruUsageError: If a wait that is to be made would be over already.
        """
        ...

    def pause(self, wait: PendingWait) -> None:
        """Stay at a wait: the status is `waiting`."""
        ...

    def poll(
        self, wait: PendingWait, *, timeout: float, idle: Callable[[float], None]
    ) -> Answer | None:
        """Return the answer as soon as it is there, `None` after `timeout` seconds.

        The first one stands, whoever else gives one; when the wait expires, the clock
        does. Between two looks, `idle` lets some seconds pass.
        """
        ...

    def give(self, wait: PendingWait, value: object) -> None:
        """Store a checked answer; `poll` finds it.

        Raises:
            KitaruStateError: If somebody else was faster.
        """
        ...

    def accepted(self, wait: PendingWait) -> None:
        """Go on after an answer that the flow takes: the status is `running` again."""
        ...


class Breakpoints(Protocol):
    """Where executions are to stop before a call, by selectors.

    A target is the id of an execution, or what `next_of` says of a flow.
    """

    def next_of(self, flow: str) -> str:
        """Return the target that stands for the next start of a flow."""
        ...

    def of(self, target: str) -> dict[str, bool]:
        """Return the selectors that are set, and whether each has matched a call."""
        ...

    def change(
        self, target: str, *, add: Collection[str] = (), remove: Collection[str] = ()
    ) -> None:
        """Set and remove breakpoints; what is so already stays."""
        ...

    def matched(self, target: str, selectors: Iterable[str]) -> None:
        """Note that calls came which they mean."""
        ...


class Notices(Protocol):
    """What webhooks and the alerter of the stack are to be told, kept until they are."""

    def take(self, *, alerts: bool = False) -> list[Notice]:
        """Return what webhooks are to be told now, or the alerter of the stack.

        Nobody else tries it for a while.
        """
        ...

    def has_alerts(self) -> bool:
        """Whether the alerter of the stack is to be told something now."""
        ...

    def told(self, notice: Notice) -> None:
        """Note that somebody was told."""
        ...

    def failed(self, notice: Notice, problem: str) -> None:
        """Note that a try failed; another one comes later."""
        ...

    def open(self) -> list[Notice]:
        """Return what was tried and not told so far."""
        ...


class Reporter(Protocol):
    """Tells the user what happens."""

    def begun(
        self, execution_id: str, flow: str, *, finished_calls: int, here_only: bool
    ) -> None:
        """An attempt begins.

        Earlier ones have finished some calls; perhaps no other process can continue it.
        """
        ...

    def started(self, invocation_id: str) -> None:
        """A checkpoint body begins."""
        ...

    def finished(self, invocation_id: str, seconds: float) -> None:
        """A checkpoint has a durable result."""
        ...

    def failed(self, invocation_id: str, error: BaseException, retry_left: int) -> None:
        """A checkpoint body raised."""
        ...

    def gave_up(self, invocation_id: str, seconds: float) -> None:
        """A checkpoint body was cancelled, or its process is told to end."""
        ...

    def reused(self, invocation_id: str, note: str | None) -> None:
        """A stored outcome is used again."""
        ...

    def waiting(
        self, execution_id: str, wait: PendingWait, *, by_name: bool = False
    ) -> None:
        """The flow waits for an answer; of several, each is told by its name."""
        ...

    def answered(self, name: str, answer: Answer) -> None:
        """A wait is over."""
        ...

    def warn(self, message: str) -> None:
        """Something the user should know."""
        ...

    def ended(self, execution_id: str, flow: str, ending: Ending) -> None:
        """The attempt is over."""
        ...


# Given an execution and what of it is loaded: what to ask before its code runs.
PermitOf = Callable[[str, str], Permit]


@dataclass(frozen=True)
class Parts:
    """What an engine provides for one execution."""

    recorder: Recorder
    values: Values
    board: WaitBoard
    reporter: Reporter
    breakpoints: Breakpoints
    find: Find
    run_foreign: Callable[[CheckpointSpec, str, tuple[Any, ...], dict[str, Any]], Any]
    run_isolated: Callable[[IsolatedCall], Any]
    # Whether questions can be open beside one another.
    several_waits: bool = True
    # Whether this process may stay at a wait, so that looking again may find an answer.
    stays: Callable[[], bool] = lambda: True
    width: int = 10
    # For checkpoints that do not say it themselves.
    retries: int = 0
    cache: bool = False
    budget: Budget | None = None
    # For waits that do not say it themselves.
    notify: Notify | None = None
    source_changed: bool = False
    permit: PermitOf = lambda execution_id, what: anything
