"""What Kitaru needs from a durable engine: the door, and the parts of an execution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from kitaru._core.codec import Encoded
from kitaru._core.records import CallRecord, StoredFailure, StoredValue
from kitaru._core.replay import ReplayPlan
from kitaru._core.scope import RunningCall
from kitaru._core.settings import Resolved, Settings
from kitaru._core.sources import FlowSource
from kitaru._core.specs import CheckpointSpec, FlowSpec
from kitaru._engine.services.accounts import Accounts
from kitaru._engine.services.connection import Connections
from kitaru._engine.services.maintenance import Maintenance
from kitaru._engine.services.reconciling import Reconciling
from kitaru._engine.services.secrets import Secrets
from kitaru._engine.services.stacks import Stacks
from kitaru.models import (
    ArtifactRef,
    Continuation,
    Execution,
    ExecutionStatus,
    FailureOrigin,
    LogEntry,
    Page,
    PendingWait,
)


@dataclass(frozen=True, slots=True)
class Launch:
    """A new execution: the flow, its inputs by parameter name, and its settings."""

    flow: FlowSpec
    inputs: Mapping[str, Any]
    options: Resolved = field(default_factory=Resolved)
    replay: ReplayPlan | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an execution left behind, to plan a replay from."""

    execution_id: str
    source: FlowSource
    inputs: Mapping[str, Any]
    calls: tuple[CallRecord, ...]
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True)
class ExecutionQuery:
    """Which executions to list, newest first; pages start at 1."""

    flow: str | None = None
    status: ExecutionStatus | None = None
    page: int = 1
    size: int = 20


@dataclass(frozen=True, slots=True)
class Ending:
    """How one attempt in this process ended."""

    status: ExecutionStatus
    value: Any = None
    has_value: bool = False
    error: BaseException | None = None
    origin: FailureOrigin | None = None


@dataclass(frozen=True, slots=True)
class StartedCall:
    """A checkpoint call whose body has begun."""

    invocation_id: str
    name: str
    started_at: datetime
    checkpoint_type: str | None = None
    parents: tuple[str, ...] = ()
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

    def mark_caught(self, invocation_ids: Sequence[str]) -> None:
        """Note that the flow went on after these failures."""
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
        """Return the bytes after checking their hash."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a wait."""

    value: object = None
    aborted: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A wait that the flow comes to.

    `calls_before` counts the checkpoint calls made until then; that says whether the
    wait is before the anchor of a replay.
    """

    name: str
    schema: Mapping[str, Any] | None
    text: str | None
    metadata: Mapping[str, Any]
    calls_before: int


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
        """Ask; an open wait of that name is taken as it is. The status is `waiting`."""
        ...

    def poll(
        self, wait: PendingWait, *, timeout: float, idle: Callable[[float], None]
    ) -> Answer | None:
        """Return the answer as soon as it is there, `None` after `timeout` seconds.

        Between two looks, `idle` lets some seconds pass.
        """
        ...

    def give(self, wait: PendingWait, value: object) -> None:
        """Store a checked answer; `poll` finds it.

        Raises:
            KitaruStateError: If somebody else was faster.
        """
        ...

    def accepted(self, wait: PendingWait) -> None:
        """Go on after an answer: the status is `running` again."""
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

    def reused(self, invocation_id: str, note: str | None) -> None:
        """A stored outcome is used again."""
        ...

    def waiting(self, execution_id: str, wait: PendingWait) -> None:
        """The flow waits for an answer."""
        ...

    def warn(self, message: str) -> None:
        """Something the user should know."""
        ...

    def ended(self, execution_id: str, flow: str, ending: Ending) -> None:
        """The attempt is over."""
        ...


class Engine(Protocol):
    """The door to a durable engine."""

    @property
    def secrets(self) -> Secrets:
        """The secret store."""
        ...

    @property
    def maintenance(self) -> Maintenance:
        """Cleaning up."""
        ...

    @property
    def reconciling(self) -> Reconciling:
        """Finding what nobody goes on with."""
        ...

    @property
    def stacks(self) -> Stacks:
        """The stacks, and which one is active."""
        ...

    @property
    def connections(self) -> Connections:
        """The connection of this machine and this process."""
        ...

    @property
    def accounts(self) -> Accounts:
        """Service accounts and their API keys."""
        ...

    def running_here(self) -> tuple[str, ...]:
        """Return the executions that run in this process."""
        ...

    def launch(self, launch: Launch) -> tuple[str, Ending | None]:
        """Start an execution.

        Returns its id, and how the attempt ended if it ran in this process.
        """
        ...

    def launch_elsewhere(self, launch: Launch) -> tuple[str, Continuation]:
        """Start an execution in another process, or here if no other can."""
        ...

    def recorded(self, execution_id: str) -> Recorded:
        """Return what an execution left behind; its flow must be loadable."""
        ...

    def flow_source(self, execution_id: str) -> FlowSource:
        """Return where an execution's flow comes from."""
        ...

    def continue_execution(self, execution_id: str) -> Continuation:
        """Let a failed or answered execution go on, in another process if possible."""
        ...

    def continue_here(self, execution_id: str) -> Ending:
        """Let it go on in this process."""
        ...

    def run_in_turn(self, execution_id: str, pool: str) -> None:
        """Let it go on in this process, and then those that queue for it."""
        ...

    def get(self, execution_id: str) -> Execution:
        """Return an execution with its calls, artifacts and open wait."""
        ...

    def stored_status(self, execution_id: str) -> ExecutionStatus:
        """Return the status as it is noted; nothing is put right."""
        ...

    def find(self, query: ExecutionQuery) -> Page[Execution]:
        """Return executions without their calls."""
        ...

    def resolve_id(self, prefix: str) -> str:
        """Return the one execution id that begins with `prefix`."""
        ...

    def result(self, execution_id: str) -> object:
        """Return what a completed execution returned."""
        ...

    def failure(self, execution_id: str) -> StoredFailure | None:
        """Return the failure that ended an execution."""
        ...

    def pending_waits(self, execution_id: str | None) -> list[PendingWait]:
        """Return open waits, of one execution or of all."""
        ...

    def wait_names(self, execution_id: str) -> frozenset[str]:
        """Return the names of all waits that an execution came to."""
        ...

    def answer(self, wait: PendingWait, value: object) -> Continuation:
        """Store a checked answer and let the execution go on."""
        ...

    def abort(self, wait: PendingWait) -> None:
        """Give up a wait; its execution is cancelled."""
        ...

    def cancel(self, execution_id: str, *, grace: float) -> None:
        """Stop an execution: at the next checkpoint, by force after `grace` seconds."""
        ...

    def artifacts(self, execution_id: str) -> list[ArtifactRef]:
        """Return the artifacts of an execution, loadable."""
        ...

    def artifact(self, artifact_id: str) -> ArtifactRef:
        """Return one artifact, loadable."""
        ...

    def logs(self, execution_id: str, *, follow: bool) -> Iterator[LogEntry]:
        """Yield log entries, oldest first; with `follow` until the execution ends."""
        ...

    def tell(self, notes: Sequence[str]) -> None:
        """Tell the user something before an execution starts."""
        ...

    def use_project(self, name: str | None, *, said_by: str) -> None:
        """Work in another project from now on; `None`: the one chosen elsewhere.

        `said_by` is the place that names it, for errors.

        Raises:
            KitaruUsageError: If there is none of that name; lists those there are.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Return what `kitaru status` shows: store, stack, versions, paths."""
        ...
