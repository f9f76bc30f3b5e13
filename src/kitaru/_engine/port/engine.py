"""What Kitaru needs from a durable engine: the door, and the parts of an execution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from kitaru._core.calls.records import CallRecord, StoredFailure
from kitaru._core.calls.replay import ReplayPlan
from kitaru._core.flows.deployed import DeployedCode
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.settings.labels import Labels
from kitaru._core.settings.settings import Resolved, Settings
from kitaru._core.sources import FlowSource
from kitaru._core.values.tagging import Permit
from kitaru._engine.port.accounts import Accounts
from kitaru._engine.port.cleaning import Maintenance
from kitaru._engine.port.connections import Connections
from kitaru._engine.port.deployments import Deployments
from kitaru._engine.port.execution import Breakpoints, Ending, Found, Notices
from kitaru._engine.port.recovery import Reconciling, Recoveries
from kitaru._engine.port.schedules import Schedules
from kitaru._engine.port.secrets import Secrets
from kitaru._engine.port.stacks import Stacks
from kitaru.errors import KitaruStateError
from kitaru.models import (
    ArtifactRef,
    Continuation,
    Execution,
    ExecutionStatus,
    LogEntry,
    Page,
    PendingWait,
)


@dataclass(frozen=True, slots=True)
class Launch:
    """A new execution: the flow, its inputs by name, its settings, its labels."""

    flow: FlowSpec
    inputs: Mapping[str, Any]
    options: Resolved = field(default_factory=Resolved)
    replay: ReplayPlan | None = None
    # The version whose code the flow was loaded from.
    deployed: DeployedCode | None = None
    # Selectors of calls before which it is to stop.
    break_before: tuple[str, ...] = ()
    labels: Labels = field(default_factory=Labels)


class KeyTakenError(KitaruStateError):
    """There is an execution of the key of a launch; nothing was started."""

    def __init__(self, key: str) -> None:
        super().__init__(f"there is an execution of key {key!r} already")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an execution left behind, to plan a replay from."""

    execution_id: str
    source: FlowSource
    inputs: Mapping[str, Any]
    calls: tuple[CallRecord, ...]
    settings: Settings = field(default_factory=Settings)
    deployed: DeployedCode | None = None
    labels: Labels = field(default_factory=Labels)


@dataclass(frozen=True, slots=True)
class ExecutionQuery:
    """Which executions to list, newest first; pages start at 1.

    Attributes:
        flow: Of this flow.
        status: With this status.
        page: Which page.
        size: Executions on a page.
        tags: With all of these tags.
        where: With all of these attributes, by name, as `labels.wanted_text` has them.
        since: Begun then or later.
        deployment_id: Of this deployed version.
        failed_in: In which this call, or one of this checkpoint, failed; see `names`.
    """

    flow: str | None = None
    status: ExecutionStatus | None = None
    page: int = 1
    size: int = 20
    deployment_id: str | None = None
    tags: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    since: datetime | None = None
    failed_in: str | None = None


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
    def recoveries(self) -> Recoveries:
        """What became of executions whose process died."""
        ...

    @property
    def deployments(self) -> Deployments:
        """The deployed versions of flows."""
        ...

    @property
    def schedules(self) -> Schedules:
        """When deployed flows start by themselves.

        Raises:
            KitaruFeatureNotAvailableError: On a server.
        """
        ...

    @property
    def breakpoints(self) -> Breakpoints:
        """Where executions of this machine are to stop."""
        ...

    @property
    def notices(self) -> Notices:
        """What webhooks are to be told."""
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

    def store_id(self) -> str:
        """Return the id of the store that executions of this process are in."""
        ...

    def runs_here(self, execution_id: str) -> bool:
        """Whether an execution is run by processes of this machine."""
        ...

    def running_here(self) -> tuple[str, ...]:
        """Return the executions that run in this process."""
        ...

    @property
    def alerts_here(self) -> bool:
        """Whether `alert` needs no other process."""
        ...

    def alert(self, text: str) -> None:
        """Tell the alerter of the active stack something.

        Raises:
            KitaruError: If there is none, or it could not tell it.
        """
        ...

    @property
    def wakes_others(self) -> bool:
        """Whether a thread beside a flow can look after other executions."""
        ...

    def wake_others(self) -> None:
        """Let executions go on that are due, and which nobody looks at."""
        ...

    def launch(self, launch: Launch) -> tuple[str, Ending | None]:
        """Start an execution.

        Returns its id, and how the attempt ended if it ran in this process.

        Raises:
            KeyTakenError: If there is an execution of its key; nothing was started.
        """
        ...

    def launch_elsewhere(self, launch: Launch) -> tuple[str, Continuation]:
        """Start an execution in another process, or here if no other can.

        Raises:
            KeyTakenError: If there is an execution of its key; nothing was started.
        """
        ...

    def keyed(self, key: str) -> tuple[str, str] | None:
        """Return the execution of a key, and the name of its flow."""
        ...

    def call_records(self, execution_id: str) -> list[CallRecord]:
        """Return the outcomes of an execution, as they are stored."""
        ...

    def recorded(self, execution_id: str) -> Recorded:
        """Return what an execution left behind; its flow must be loadable."""
        ...

    def flow_source(self, execution_id: str) -> FlowSource:
        """Return where an execution's flow is; a deployed one is unpacked there."""
        ...

    def continue_execution(
        self, execution_id: str, *, seen: ExecutionStatus
    ) -> Continuation:
        """Let a failed or answered execution go on, in another process if possible.

        Args:
            execution_id: The execution.
            seen: The status in which somebody wants that.

        Raises:
            KitaruStateError: If it has another status by now: somebody was faster.
        """
        ...

    def continue_here(
        self,
        execution_id: str,
        *,
        handed_over: bool = False,
        is_awaited: Callable[[], bool] = lambda: False,
    ) -> Ending:
        """Let it go on in this process.

        Args:
            execution_id: The execution.
            handed_over: Whether another process has made this one its runner.
            is_awaited: Whether other executions need this process: then it does not
                stay at a wait.
        """
        ...

    def get(self, execution_id: str) -> Execution:
        """Return an execution with its calls, artifacts and open wait."""
        ...

    def stored_status(self, execution_id: str) -> ExecutionStatus:
        """Return the status as it is noted; nothing is put right."""
        ...

    def find(self, query: ExecutionQuery) -> Page[Execution]:
        """Return executions without their calls, newest first."""
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

    def answer(self, wait: PendingWait, value: object, *, surface: str) -> Continuation:
        """Store a checked answer and let the execution go on.

        `surface` is what the person used.

        Raises:
            KitaruStateError: If it is not the first answer; it changes nothing.
        """
        ...

    def abort(self, wait: PendingWait, *, surface: str) -> None:
        """Give up a wait; its execution is cancelled.

        Raises:
            KitaruStateError: If it has an answer.
        """
        ...

    def cancel(self, execution_id: str, *, grace: float, surface: str) -> None:
        """Stop an execution: at the next checkpoint, by force after `grace` seconds."""
        ...

    def permit_of(self, execution_id: str, what: str) -> Permit:
        """Return what is asked before code runs that content of an execution names.

        `what` is the content, for the refusal.
        """
        ...

    def artifacts(self, execution_id: str) -> list[ArtifactRef]:
        """Return the artifacts of an execution, loadable."""
        ...

    def artifact(self, artifact_id: str) -> ArtifactRef:
        """Return one artifact, loadable."""
        ...

    def value(self, execution_id: str, name: str, trust: bool) -> Found:
        """Return a value by its name in an execution, of which a prefix will do."""
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
