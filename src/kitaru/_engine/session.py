"""One process's turn at an execution: runs the flow body, knows what is known.

The rules are in `_core.replay`; the effects go through the small protocols of
`port`. Both engines use this class, so they cannot differ in semantics.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kitaru._core import codec, failures, fingerprints, names, scope, waits
from kitaru._core.records import CallRecord, StoredArtifact, StoredValue
from kitaru._core.replay import Action, Decision, Timeline, original_of
from kitaru._core.scope import RunningCall, Scope
from kitaru._core.signals import Cancelled, FlowSignal, Suspended
from kitaru._core.specs import CallOptions, CheckpointSpec, FlowSpec, WaitRequest
from kitaru._engine.calls import Ticket, now
from kitaru._engine.lineage import Origins
from kitaru._engine.port import (
    Answer,
    Recorder,
    Reporter,
    StartedCall,
    Values,
    WaitBoard,
)
from kitaru.errors import (
    KitaruDivergenceError,
    KitaruUsageError,
    KitaruWaitValidationError,
)
from kitaru.models import FailureOrigin, PendingWait

# Larger arguments are fingerprinted by the hash of the result they are, not again.
_HASH_AGAIN_BELOW = 65_536


class Session:
    """Runs the body of one flow and answers its checkpoint and wait calls."""

    def __init__(
        self,
        *,
        execution_id: str,
        flow: FlowSpec,
        timeline: Timeline,
        recorder: Recorder,
        values: Values,
        board: WaitBoard,
        reporter: Reporter,
        lookup: Callable[[str, str], StoredValue],
        source_changed: bool = False,
    ) -> None:
        self.execution_id = execution_id
        self._flow = flow
        self._timeline = timeline
        self._recorder = recorder
        self._values = values
        self._board = board
        self._reporter = reporter
        self._lookup = lookup
        self._source_changed = source_changed
        self._ids = names.InvocationIds()
        self._wait_names = names.InvocationIds()
        self._origins = Origins()
        self._lock = threading.Lock()
        self._order = 0
        self._position = 0
        self._raised: list[str] = []
        # Once set, every call of the body raises it: control flow that user code
        # caught must not be lost.
        self._ending: BaseException | None = None

    # -- the body ------------------------------------------------------------

    def run(self, inputs: Mapping[str, Any]) -> object:
        """Run the flow body and return what it returns.

        Raises:
            FlowSignal: If it was suspended or cancelled, even if the body caught that.
            BaseException: Whatever the body raises.
        """
        with scope.entered(Scope(self)):
            try:
                value = self._flow.function(**inputs)
                if asyncio.iscoroutine(value):
                    value = asyncio.run(value)
            except BaseException:
                # It wins over what user code made of it in `except` or `finally`.
                if self._ending is not None:
                    raise self._ending from None
                raise
        self._check_ending()
        self._went_on()
        return value

    def _end(self, reason: BaseException) -> BaseException:
        """End the body: this and every later call of it raises `reason`."""
        self._ending = reason
        return reason

    def _check_ending(self) -> None:
        if self._ending is not None:
            raise self._ending

    # -- checkpoints ---------------------------------------------------------

    def call(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
    ) -> object:
        """Run a checkpoint, or return what it returned before."""
        ticket, decision = self._ask(spec, args, kwargs, options)
        if decision.action is not Action.RUN:
            return self._recall(ticket, decision)
        self._begin(ticket, decision)
        with scope.entered(Scope(self, ticket.running)):
            for attempt in ticket.tries():
                with attempt:
                    ticket.value = spec.function(*args, **kwargs)
        return self._settle(ticket)

    async def call_async(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
    ) -> object:
        """Do the same for an `async def` checkpoint."""
        ticket, decision = self._ask(spec, args, kwargs, options)
        if decision.action is not Action.RUN:
            return self._recall(ticket, decision)
        self._begin(ticket, decision)
        with scope.entered(Scope(self, ticket.running)):
            for attempt in ticket.tries():
                with attempt:
                    ticket.value = await spec.function(*args, **kwargs)
        return self._settle(ticket)

    def _ask(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
    ) -> tuple[Ticket, Decision]:
        """Give the call its identity and decide what happens to it."""
        self._check_ending()
        self._went_on()
        try:
            bound = spec.signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{spec.name}(): {error}") from None
        positioned = options.id is None
        with self._lock:
            invocation_id = (
                self._ids.next(spec.name)
                if options.id is None
                else self._ids.claim(options.id)
            )
            self._order += 1
            order = self._order
            if positioned:
                self._position += 1
            position = self._position if positioned else None
        if position is not None:
            self._check_path(position, invocation_id)
        arguments = list(bound.values())
        ticket = Ticket(
            spec=spec,
            invocation_id=invocation_id,
            order=order,
            position=position,
            fingerprint=fingerprints.of_arguments(
                {name: self._digest(value) for name, value in bound.items()}
            ),
            parents=self._origins.parents(arguments),
            on_failure=self._reporter.failed,
        )
        return ticket, self._timeline.decide(invocation_id, ticket.fingerprint)

    def _digest(self, value: object) -> str | None:
        known = self._origins.content_hash(value)
        if (
            known is not None
            and isinstance(value, str | bytes)
            and len(value) >= _HASH_AGAIN_BELOW
        ):
            return known
        return fingerprints.of_value(value)

    def _check_path(self, position: int, invocation_id: str) -> None:
        expected = self._timeline.expected_at(position)
        if expected is None or expected.invocation_id == invocation_id:
            return
        message = (
            f"execution {self.execution_id} took another path than before: call "
            f"{position} was {expected.invocation_id!r}, now the flow asks for "
            f"{invocation_id!r}"
        )
        if self._source_changed:
            self._reporter.warn(f"{message}; the flow's source changed in between")
            return
        raise self._end(
            KitaruDivergenceError(
                f"{message}. A flow must make the same calls when it runs again; to "
                f"take the new path, replay from {expected.invocation_id!r} or run the "
                "flow anew",
                exec_id=self.execution_id,
                status="failed",
                failure_origin="divergence",
            )
        )

    def _begin(self, ticket: Ticket, decision: Decision) -> None:
        if self._recorder.cancel_requested():
            raise self._end(Cancelled())
        if decision.note:
            self._reporter.warn(f"{ticket.invocation_id}: {decision.note}")
        self._reporter.started(ticket.invocation_id)
        ticket.started_at = now()
        self._recorder.started(
            StartedCall(
                invocation_id=ticket.invocation_id,
                name=ticket.spec.name,
                started_at=ticket.started_at,
                checkpoint_type=ticket.spec.type,
                parents=ticket.parents,
            )
        )

    def _settle(self, ticket: Ticket) -> object:
        """Make the outcome durable, then hand it to the flow."""
        self._check_ending()
        if ticket.error is not None:
            self._commit_failure(ticket, ticket.error)
            raise ticket.error
        what = f"the result of checkpoint {ticket.invocation_id!r}"
        try:
            encoded = codec.encode(ticket.value, what=what)
        except KitaruUsageError as error:
            self._commit_failure(ticket, error)
            raise
        output = self._values.put(encoded, owner=ticket.invocation_id, name="output")
        self._commit(ticket.record(self.execution_id, output, None))
        self._origins.remember(ticket.value, ticket.invocation_id, output.content_hash)
        seconds = (ticket.attempts[-1].ended_at - ticket.started_at).total_seconds()
        self._reporter.finished(ticket.invocation_id, seconds)
        return ticket.value

    def _commit_failure(self, ticket: Ticket, error: Exception) -> None:
        failure = ticket.attempts[-1].failure
        if failure is None:
            failure = failures.store(error, FailureOrigin.USER_CODE)
        self._commit(ticket.record(self.execution_id, None, failure))
        self._raised.append(ticket.invocation_id)

    def _commit(self, record: CallRecord) -> None:
        try:
            self._recorder.commit(record)
        except FlowSignal as signal:
            raise self._end(signal) from None
        if self._recorder.cancel_requested():
            raise self._end(Cancelled())

    def _recall(self, ticket: Ticket, decision: Decision) -> object:
        """Use a recorded outcome again."""
        record = decision.record
        if decision.action is Action.RAISE:
            assert record is not None  # a recorded failure is what is raised
            assert record.failure is not None
            error = failures.rebuild(record.failure)
            self._link(ticket, record)
            self._reporter.reused(ticket.invocation_id, "raises again, as recorded")
            raise error if error is not None else RuntimeError(record.failure.message)
        output = decision.value
        if output is None and record is not None:
            output = record.output
        assert output is not None  # completed calls and overrides have a value
        value = self._decode(
            output, f"the result of checkpoint {ticket.invocation_id!r}"
        )
        self._origins.remember(value, ticket.invocation_id, output.content_hash)
        if decision.action is Action.OVERRIDE:
            ticket.attempts.clear()
            self._commit(
                replace(
                    ticket.record(self.execution_id, output, None),
                    metadata={"kitaru_override": True},
                )
            )
            self._reporter.reused(ticket.invocation_id, "overridden")
            return value
        assert record is not None
        self._link(ticket, record)
        self._reporter.reused(ticket.invocation_id, decision.note)
        return value

    def _link(self, ticket: Ticket, record: CallRecord) -> None:
        """Note a result taken from another execution; our own is noted already."""
        if record.execution_id == self.execution_id:
            return
        self._recorder.link(
            replace(
                record,
                execution_id=self.execution_id,
                order=ticket.order,
                position=ticket.position,
                reused=True,
                original=original_of(record),
            )
        )

    def _went_on(self) -> None:
        """The flow goes on: failures it was given are caught by now."""
        if self._raised:
            caught, self._raised = self._raised, []
            self._recorder.mark_caught(caught)

    # -- waits ---------------------------------------------------------------

    def wait(self, request: WaitRequest) -> object:
        """Return the answer, or leave the flow body until there is one."""
        self._check_ending()
        schema = waits.answer_schema(request.schema)
        base = names.check_name("wait", request.name or "wait")
        self._went_on()
        name = self._wait_names.next(base)
        answer = self._board.answer_of(name)
        while True:
            if answer is None:
                answer = self._ask_person(name, schema, request)
            if answer.aborted:
                raise self._end(Cancelled("the wait was aborted"))
            try:
                return waits.read_answer(name, request.schema, answer.value)
            except KitaruWaitValidationError as error:
                # The schema allowed what a validator of the type refuses: ask again.
                self._reporter.warn(str(error))
                answer = None

    def _ask_person(
        self, name: str, schema: dict[str, Any] | None, request: WaitRequest
    ) -> Answer:
        self._recorder.drain()
        wait = self._board.open(
            name, schema=schema, question=request.question, metadata=request.metadata
        )
        self._reporter.waiting(self.execution_id, wait)
        answer = self._poll(wait, request.timeout)
        if answer is None:
            raise self._end(Suspended())
        self._board.accepted(wait)
        return answer

    def _poll(self, wait: PendingWait, timeout: float) -> Answer | None:
        try:
            return self._board.poll(wait, timeout=timeout)
        except KeyboardInterrupt:
            # Ctrl-C ends the process, not the execution: the question stays open.
            self._end(Suspended("interrupted"))
            raise

    # -- the rest ------------------------------------------------------------

    def log(self, values: Mapping[str, Any]) -> None:
        """Add metadata to the execution."""
        self._check_ending()
        self._went_on()
        self._recorder.note(values)

    def save(
        self,
        call: RunningCall,
        name: str,
        value: object,
        *,
        save_type: str,
        tags: Sequence[str],
    ) -> None:
        """Store a named value of a checkpoint; it becomes durable with its result."""
        names.check_name("artifact", name)
        if any(artifact.name == name for artifact in call.artifacts):
            raise KitaruUsageError(
                f"checkpoint {call.invocation_id!r} has saved {name!r} already; "
                "artifact names are unique within a call"
            )
        encoded = codec.encode(value, what=f"artifact {name!r}")
        call.artifacts.append(
            StoredArtifact(
                artifact_id=names.artifact_id(
                    self.execution_id, call.invocation_id, name
                ),
                name=name,
                save_type=save_type,
                value=self._values.put(encoded, owner=call.invocation_id, name=name),
                tags=tuple(tags),
            )
        )

    def load(self, execution_id: str, name: str, call: RunningCall) -> object:
        """Return a value this call has saved, or one of a finished call."""
        own = [a.value for a in call.artifacts if a.name == name]
        if execution_id == self.execution_id and own:
            return self._decode(own[0], f"artifact {name!r}")
        return self._decode(self._lookup(execution_id, name), f"artifact {name!r}")

    def _decode(self, value: StoredValue, what: str) -> object:
        return codec.decode(value.serializer, self._values.get(value, what=what))
