"""One checkpoint call on its way to an outcome: attempts, timing, the final record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from kitaru._core.calls import failures, usage
from kitaru._core.calls.records import (
    AttemptRecord,
    CallRecord,
    StoredFailure,
    StoredValue,
)
from kitaru._core.flows.scope import RunningCall
from kitaru._core.flows.signals import FlowSignal
from kitaru._core.flows.specs import CheckpointSpec
from kitaru._core.secrecy import masking
from kitaru.errors import KitaruBudgetError
from kitaru.models import Usage

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Identity:
    """Which call it is: fixed when the flow asks for it.

    Attributes:
        invocation_id: Its id within the execution.
        order: It is the so-manieth call.
        position: Its place on the flow's own path; `None` beside that.
        after: The calls that were over before it, back to the one on the flow's path.
        has_own_id: Whether its id was given, not made from the order of calls.
        is_submitted: Whether a future hands its outcome over, when it is asked.
    """

    invocation_id: str
    order: int
    position: int | None
    after: tuple[str, ...] = ()
    has_own_id: bool = False
    is_submitted: bool = False


@dataclass
class Ticket:
    """A call on its way: who it is, what it was given, and its attempts as they happen."""

    spec: CheckpointSpec
    identity: Identity
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    fingerprint: str | None
    parents: tuple[str, ...]
    on_failure: Callable[[str, BaseException, int], None]
    function: Callable[..., Any]
    spent: Usage | None = None
    # Under which other executions may use the result; `None`: none may.
    cache_key: str | None = None
    # Whether a failure counts as caught before anything shows it.
    is_handled: bool = False
    started_at: datetime = field(default_factory=now)
    attempts: list[AttemptRecord] = field(default_factory=list)
    running: RunningCall = field(init=False)
    value: Any = None
    error: Exception | None = None
    failure: StoredFailure | None = None

    def __post_init__(self) -> None:
        self.running = RunningCall(self.invocation_id, self.spec.name)
        if self.spent is not None:
            self.running.usages.append(self.spent)

    @property
    def invocation_id(self) -> str:
        """The call's id within its execution."""
        return self.identity.invocation_id

    @property
    def after(self) -> tuple[str, ...]:
        """The calls it follows, if no argument says whose results it was given."""
        return () if self.parents else self.identity.after

    @property
    def code_hash(self) -> str | None:
        """A hash of its source; work that a call brings along has no declaration."""
        own = self.function is self.spec.function
        return self.spec.code_hash if own else None

    def tries(self) -> Iterator[Try]:
        """Yield one `Try` after the other until one succeeds or none is left."""
        for number in range(1, self.spec.retries + 2):
            self.error = None
            yield Try(self, number)
            if not self._wants_another():
                return

    def _wants_another(self) -> bool:
        # A budget is not larger a moment later.
        is_final = isinstance(self.error, KitaruBudgetError)
        return isinstance(self.error, self.spec.retry_on) and not is_final

    @contextmanager
    def recovering(self) -> Iterator[None]:
        """Make an outcome of the failure, or of what is raised in its place."""
        failed = self.error
        try:
            yield
        # The user's code, or that of a framework.
        except Exception as error:  # noqa: BLE001
            if error is not failed:
                self.error, self.failure = error, None
        else:
            self.error = None

    def record(
        self,
        execution_id: str,
        output: StoredValue | None,
        failure: StoredFailure | None,
    ) -> CallRecord:
        """Return the outcome as it is stored; without any, that it was given up."""
        return CallRecord(
            execution_id=execution_id,
            invocation_id=self.invocation_id,
            name=self.spec.name,
            status="completed" if output else "failed" if failure else "cancelled",
            started_at=self.started_at,
            ended_at=self.attempts[-1].ended_at if self.attempts else now(),
            order=self.identity.order,
            position=self.identity.position,
            attempts=tuple(self.attempts),
            output=output,
            failure=failure,
            fingerprint=self.fingerprint,
            metadata=masking.data(self.running.metadata),
            checkpoint_type=self.spec.type,
            code_hash=self.code_hash,
            parents=self.parents,
            after=self.after,
            artifacts=tuple(self.running.artifacts),
            usage=usage.total(self.running.usages) if self.running.usages else None,
            caught=failure is not None and self.is_handled,
        )


class Try:
    """One attempt; swallows the user's exception and keeps it on the ticket."""

    def __init__(self, ticket: Ticket, number: int) -> None:
        self._ticket = ticket
        self._number = number
        self.delay = ticket.spec.delay_before(number)

    def __enter__(self) -> None:
        self._started_at = now()
        # What a failed attempt logged or saved belongs to that attempt only; what it
        # spent stays spent.
        self._ticket.running.metadata.clear()
        self._ticket.running.artifacts.clear()
        self._ticket.running.output = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        ticket = self._ticket
        if isinstance(error, FlowSignal):
            return False
        if error is not None and not isinstance(error, Exception):
            attempt = AttemptRecord(
                number=self._number,
                status="cancelled",
                started_at=self._started_at,
                ended_at=now(),
            )
            ticket.attempts.append(attempt)
            return False
        ticket.failure = None
        if error is not None:
            ticket.failure = failures.store(error, failures.origin_of(error))
            ticket.error = error
            left = ticket.spec.retries + 1 - self._number
            if not isinstance(error, ticket.spec.retry_on):
                left = 0
            ticket.on_failure(ticket.invocation_id, error, left)
        ticket.attempts.append(
            AttemptRecord(
                number=self._number,
                status="failed" if error else "completed",
                started_at=self._started_at,
                ended_at=now(),
                failure=ticket.failure,
            )
        )
        return True
