"""Answer the checkpoint calls of a flow body: reuse what is known, run the rest."""

from __future__ import annotations

import inspect
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from kitaru._core.calls import failures, names
from kitaru._core.calls.records import OUTPUT, CallRecord, StoredValue
from kitaru._core.calls.replay import Action, Decision, Timeline, original_of
from kitaru._core.flows import scope
from kitaru._core.flows.scope import FlowRuntime, Scope
from kitaru._core.flows.signals import Cancelled, FlowSignal
from kitaru._core.flows.specs import CallOptions, CheckpointSpec
from kitaru._core.secrecy import masking
from kitaru._core.values import codec, fingerprints, functions
from kitaru._core.values.tagging import Permit
from kitaru._core.words.similar import cut
from kitaru._engine.port.execution import IsolatedCall, Parts, StartedCall
from kitaru._engine.session import futures, timeouts
from kitaru._engine.session.checkpoint_call import Identity, Ticket, now
from kitaru._engine.session.endings import Control
from kitaru._engine.session.lineage import Course, Origins
from kitaru._engine.session.waiting import Stops, Waiting
from kitaru._engine.values import value_files
from kitaru.errors import (
    KitaruBackendError,
    KitaruDivergenceError,
    KitaruUsageError,
)

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True

# Larger arguments are fingerprinted by the hash of the result they are, not again.
_HASH_AGAIN_BELOW = 65_536
# Characters of an argument in a message.
_SHOWN = 80


class Checkpointing:
    """Gives calls their identity, decides what happens to them, and does it."""

    def __init__(
        self,
        runtime: FlowRuntime,
        parts: Parts,
        timeline: Timeline,
        control: Control,
        waiting: Waiting,
    ) -> None:
        self._stops = Stops(runtime.execution_id, parts, control, waiting)
        self._runtime = runtime
        self._execution_id = runtime.execution_id
        self._parts = parts
        self._timeline = timeline
        self._control = control
        self._ids = names.InvocationIds()
        self._origins = Origins()
        self._course = Course()
        self._lock = threading.Lock()
        self._unshared: set[str] = set()
        self._completed: dict[int, tuple[CheckpointSpec, CheckpointSpec]] = {}
        self._order = 0
        self._position = 0
        self._in_flight: set[str] = set()
        self._flow_thread: int | None = None

    @property
    def asked(self) -> int:
        """How many calls the flow has made."""
        return self._order

    # -- identity ------------------------------------------------------------

    def identify(
        self, spec: CheckpointSpec, options: CallOptions, *, on_path: bool
    ) -> Identity:
        """Say which call it is.

        Args:
            spec: The checkpoint.
            options: May hold an id given by the user.
            on_path: Whether the flow body makes its calls one after the other here, so
                that the position must be the same when it runs again.
        """
        self._control.check()
        followed = on_path
        on_path = on_path and options.id is None
        with self._lock:
            if options.id is None:
                invocation_id = self._ids.next(spec.name)
            else:
                invocation_id = self._ids.claim(options.id)
            self._order += 1
            self._position += on_path
            position = self._position if on_path else None
            identity = Identity(
                invocation_id,
                self._order,
                position,
                self._course.next(invocation_id, is_followed=followed),
                options.id is not None,
            )
        if position is not None:
            self._check_path(position, invocation_id)
        return identity

    def _check_path(self, position: int, invocation_id: str) -> None:
        expected = self._timeline.expected_at(position)
        if expected is None or expected.invocation_id == invocation_id:
            return
        message = (
            f"execution {self._execution_id} took another path than before: call "
            f"{position} was {expected.invocation_id!r}, now the flow asks for "
            f"{invocation_id!r}"
        )
        if self._parts.source_changed:
            self._parts.reporter.warn(
                f"{message}; the flow's source changed in between"
            )
            return
        raise self._control.end(
            KitaruDivergenceError(
                f"{message}. A flow must make the same calls when it runs again; to take "
                f"the new path, replay from {expected.invocation_id!r} or run the flow "
                "anew",
                exec_id=self._execution_id,
                status="failed",
                failure_origin="divergence",
            )
        )

    # -- the call ------------------------------------------------------------

    def _with_defaults(self, spec: CheckpointSpec) -> CheckpointSpec:
        """Return the checkpoint with what the execution says for all of them."""
        known = self._completed.get(id(spec))
        if known is None:
            complete = replace(
                spec,
                retries=spec.retries or self._parts.retries,
                cache=self._parts.cache if spec.cache is None else spec.cache,
            )
            # The first is kept so that its id stays its own.
            known = self._completed[id(spec)] = (spec, complete)
        return known[1]

    def run(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
        identity: Identity,
    ) -> object:
        """Return the value of a call: a recorded one, or what the body returns."""
        ticket, decision = self._open(spec, args, kwargs, options, identity)
        stop = self._stops.before(ticket, decision, self._order)
        if stop is not None:
            decision = self._stops.said(ticket, decision, self._stops.answer(stop))
        if decision.action is not Action.RUN:
            return self._recall(ticket, decision)
        options.before()
        self._begin(ticket, decision)
        try:
            with scope.entered(Scope(self._runtime, ticket.running)):
                for attempt in ticket.tries():
                    if attempt.delay:
                        time.sleep(attempt.delay)
                    with attempt:
                        ticket.value = self._body(ticket)
                if ticket.error is not None and options.recover is not None:
                    with ticket.recovering():
                        ticket.value = options.recover(ticket.error)
        except BaseException as error:
            self._give_up(ticket, error)
            raise
        return self._settle(ticket)

    async def run_async(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
        identity: Identity,
    ) -> object:
        """Do the same for an `async def` checkpoint."""
        ticket, decision = self._open(spec, args, kwargs, options, identity)
        stop = self._stops.before(ticket, decision, self._order)
        if stop is not None:
            said = await self._stops.answer_async(stop, self._is_quiet)
            decision = self._stops.said(ticket, decision, said)
        if decision.action is not Action.RUN:
            return self._recall(ticket, decision)
        options.before()
        self._begin(ticket, decision)
        try:
            with scope.entered(Scope(self._runtime, ticket.running)):
                for attempt in ticket.tries():
                    if attempt.delay:
                        import asyncio

                        await asyncio.sleep(attempt.delay)
                    with attempt:
                        ticket.value = await self._body_async(ticket)
                if ticket.error is not None and options.recover is not None:
                    with ticket.recovering():
                        ticket.value = await options.recover(ticket.error)
        except BaseException as error:
            self._give_up(ticket, error)
            raise
        return self._settle(ticket)

    def _open(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
        identity: Identity,
    ) -> tuple[Ticket, Decision]:
        """Wait for what the call needs, and decide what happens to it."""
        self._control.check()
        args, kwargs = self._resolved(args, kwargs, options, identity)
        ticket = self._ticket(spec, args, kwargs, options, identity)
        return ticket, self._decide(ticket)

    def _is_quiet(self) -> bool:
        """Whether no body runs."""
        return not self._in_flight

    def _body(self, ticket: Ticket) -> Any:
        spec, invocation_id = ticket.spec, ticket.invocation_id
        args, kwargs = ticket.args, ticket.kwargs
        if spec.foreign is not None:
            return self._parts.run_foreign(spec, invocation_id, args, kwargs)
        if spec.is_isolated:
            return self._isolated(ticket)
        try:
            with timeouts.limited(spec.timeout, f"checkpoint {invocation_id!r}"):
                value = ticket.function(*args, **kwargs)
                if inspect.iscoroutine(value):
                    # An `async def` checkpoint that was submitted to a thread.
                    import asyncio

                    value = asyncio.run(_awaited(value))
        except BaseException as error:
            self._control.leave_fork(error)
            raise
        self._control.leave_fork(None)
        return value

    def _isolated(self, ticket: Ticket) -> Any:
        call = IsolatedCall(
            spec=ticket.spec,
            args=ticket.args,
            kwargs=ticket.kwargs,
            running=ticket.running,
            started=self._started(ticket),
        )
        try:
            return self._parts.run_isolated(call)
        except FlowSignal as signal:
            raise self._control.end(signal) from None

    async def _body_async(self, ticket: Ticket) -> Any:
        import asyncio

        spec = ticket.spec
        if spec.is_isolated:
            try:
                return await asyncio.to_thread(self._body, ticket)
            except asyncio.CancelledError:
                # Nobody waits for what its process would still do.
                ticket.running.stop()
                raise
        try:
            async with asyncio.timeout(spec.timeout) as limit:
                value = await ticket.function(*ticket.args, **ticket.kwargs)
                self._control.leave_fork(None)
                return value
        except TimeoutError as error:
            self._control.leave_fork(error)
            if spec.timeout is None or not limit.expired():
                raise
            what = f"checkpoint {ticket.invocation_id!r}"
            raise timeouts.overdue(what, spec.timeout) from None
        except BaseException as error:
            self._control.leave_fork(error)
            raise

    def _resolved(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
        identity: Identity,
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Wait for futures among the arguments and in `after=`."""
        try:
            for item in options.after:
                futures.resolve(item)
            return (
                tuple(futures.resolve(value) for value in args),
                {name: futures.resolve(value) for name, value in kwargs.items()},
            )
        except Exception:
            given = (*options.after, *args, *kwargs.values())
            failed = [name for value in given for name in futures.failed(value)]
            self._control.passes_on(identity.invocation_id, failed)
            self._gave_failure(identity)
            raise

    def _ticket(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
        identity: Identity,
    ) -> Ticket:
        spec = self._with_defaults(spec)
        try:
            bound = spec.bind(args, kwargs)
        except TypeError as error:
            raise TypeError(f"{spec.name}(): {error}") from None
        after = [parent for item in options.after for parent in futures.producers(item)]
        used = self._origins.parents(list(bound.values()))
        fingerprint = fingerprints.of_arguments(
            {name: self._digest(value) for name, value in bound.items()}
        )
        return Ticket(
            spec=spec,
            identity=identity,
            args=args,
            kwargs=kwargs,
            fingerprint=fingerprint,
            cache_key=self._cache_key(spec, options, fingerprint),
            parents=tuple(dict.fromkeys([*used, *after])),
            on_failure=self._parts.reporter.failed,
            function=options.work or spec.function,
            spent=self._timeline.spent(identity.invocation_id),
            is_handled=options.is_handled,
        )

    def _digest(self, value: object) -> str | None:
        if isinstance(value, str | bytes) and len(value) >= _HASH_AGAIN_BELOW:
            known = self._origins.content_hash(value)
            if known is not None:
                return known
        return fingerprints.of_value(value)

    def _decide(self, ticket: Ticket) -> Decision:
        try:
            decision = self._timeline.decide(ticket.invocation_id, ticket.fingerprint)
        except FlowSignal as signal:
            raise self._control.end(signal) from None
        if decision.changed:
            self._check_place(ticket, decision)
        key = ticket.cache_key
        if decision.action is not Action.RUN or decision.afresh or key is None:
            return decision
        cached = self._parts.recorder.cached(key)
        if cached is None or not self._may_read(cached):
            return decision
        return Decision(Action.REUSE, cached, note="from the cache")

    def _check_place(self, ticket: Ticket, decision: Decision) -> None:
        """End the attempt before a call gets a result of other arguments."""
        given = [*ticket.args, *ticket.kwargs.values()]
        name = ticket.spec.name
        then = self._timeline.called_with(name, ticket.fingerprint)
        # Work of its own, such as llm(): its arguments describe it as things are now, an
        # alias that is gone for one. Only another call with just these says it moved.
        described = ticket.function is not ticket.spec.function and then is None
        if not self._timeline.is_misplaced(
            decision,
            has_own_id=ticket.identity.has_own_id,
            source_changed=self._parts.source_changed,
            is_described=described,
            is_fleeting=fingerprints.is_fleeting(given),
        ):
            return
        shown = [cut(masking.text(repr(value)), _SHOWN) for value in given]
        raise self._control.end(
            self._timeline.misplaced(
                self._execution_id, ticket.invocation_id, name, shown, then
            )
        )

    def _may_read(self, record: CallRecord) -> bool:
        """Whether a result of another execution can be used without asking anybody."""
        if record.output is None or not codec.runs_code(record.output.serializer):
            return True
        try:
            self._parts.permit(record.execution_id, "a cached result")("reading it")
        except KitaruUsageError:
            return False
        return True

    def _cache_key(
        self, spec: CheckpointSpec, options: CallOptions, arguments: str | None
    ) -> str | None:
        """Return under what other executions may use the result; `None`: none may."""
        if not spec.cache:
            return None
        if arguments is None:
            self._not_shared(spec, "an argument cannot be told apart from others")
            return None
        if options.is_told_by_arguments:
            return f"{spec.name}::{arguments}"
        if options.work is not None:
            self._not_shared(spec, "what it does cannot be told apart from other work")
            return None
        try:
            code = functions.fingerprint(spec.function)
        except functions.UnknownFunctionError as error:
            self._not_shared(spec, f"{error}, which cannot be told apart from others")
            return None
        return f"{spec.name}:{code}:{arguments}"

    def _not_shared(self, spec: CheckpointSpec, reason: str) -> None:
        """Say once that a checkpoint shares nothing."""
        with self._lock:
            if spec.name in self._unshared:
                return
            self._unshared.add(spec.name)
        self._parts.reporter.warn(f"{spec.name}: not shared by cache=True: {reason}")

    def _begin(self, ticket: Ticket, decision: Decision) -> None:
        parts = self._parts
        try:
            parts.recorder.check()
        except FlowSignal as signal:
            raise self._control.end(signal) from None
        if parts.recorder.cancel_requested():
            raise self._control.end(Cancelled())
        if decision.note:
            parts.reporter.warn(f"{ticket.invocation_id}: {decision.note}")
        parts.reporter.started(ticket.invocation_id)
        with self._lock:
            self._in_flight.add(ticket.invocation_id)
        ticket.started_at = now()
        self._runtime.purse.begin(ticket.invocation_id, ticket.running.usages)
        parts.recorder.started(self._started(ticket))

    def _started(self, ticket: Ticket) -> StartedCall:
        return StartedCall(
            invocation_id=ticket.invocation_id,
            name=ticket.spec.name,
            started_at=ticket.started_at,
            checkpoint_type=ticket.spec.type,
            parents=ticket.parents,
            after=ticket.after,
            code_hash=ticket.code_hash,
            cache_key=ticket.cache_key,
            isolated=ticket.spec.is_isolated,
            foreign=ticket.spec.foreign is not None,
        )

    # -- outcomes ------------------------------------------------------------

    def _settle(self, ticket: Ticket) -> object:
        """Make the outcome durable, then hand it to the flow."""
        self._course.ended(ticket.invocation_id)
        with self._lock:
            self._in_flight.discard(ticket.invocation_id)
        if ticket.error is not None:
            self._commit_failure(ticket, ticket.error)
            raise ticket.error
        output = ticket.running.output or self._stored(ticket)
        self._commit(self._record(ticket, output=output))
        self._origins.remember(ticket.value, ticket.invocation_id, output.content_hash)
        seconds = (ticket.attempts[-1].ended_at - ticket.started_at).total_seconds()
        self._parts.reporter.finished(ticket.invocation_id, seconds)
        return ticket.value

    def _give_up(self, ticket: Ticket, error: BaseException) -> None:
        """Record that a call was cancelled, or its process told to end: it has no outcome."""
        with self._lock:
            self._in_flight.discard(ticket.invocation_id)
        if isinstance(error, FlowSignal):
            return
        record = self._record(ticket)
        # If it cannot be noted the body has to end, but by what ends this call.
        with suppress(FlowSignal, KitaruBackendError):
            self._commit(record)
        seconds = (now() - ticket.started_at).total_seconds()
        self._parts.reporter.gave_up(ticket.invocation_id, seconds)

    def _stored(self, ticket: Ticket) -> StoredValue:
        what = f"the result of checkpoint {ticket.invocation_id!r}"
        try:
            encoded = codec.encode(ticket.value, what=what)
        except KitaruUsageError as error:
            self._parts.reporter.failed(ticket.invocation_id, error, 0)
            self._commit_failure(ticket, error)
            raise
        return self._parts.values.put(encoded, owner=ticket.invocation_id, name=OUTPUT)

    def _record(self, ticket: Ticket, **outcome: Any) -> CallRecord:
        record = ticket.record(
            self._execution_id, outcome.get("output"), outcome.get("failure")
        )
        key = ticket.cache_key
        if record.status != "completed" or key is None:
            return record
        return replace(record, cache_key=key)

    def _commit_failure(self, ticket: Ticket, error: Exception) -> None:
        failure = ticket.failure
        if failure is None:
            failure = failures.store(error, failures.origin_of(error))
        record = self._record(ticket, failure=failure)
        self._commit(record)
        self._control.failed(record, error)
        self._gave_failure(ticket.identity)

    def _gave_failure(self, identity: Identity) -> None:
        """A call hands its failure over by raising it, unless a future does."""
        if not identity.is_submitted:
            self._control.delivered(identity.invocation_id)

    def _commit(self, record: CallRecord) -> None:
        try:
            self._parts.recorder.commit(record)
        except FlowSignal as signal:
            raise self._control.end(signal) from None
        except KitaruBackendError as error:
            # A flow that caught this would go on with a result that is not durable.
            raise self._control.end(error) from error.__cause__
        if self._parts.recorder.cancel_requested():
            raise self._control.end(Cancelled())

    def _recall(self, ticket: Ticket, decision: Decision) -> object:
        """Use a recorded outcome again."""
        self._course.ended(ticket.invocation_id)
        record, reporter = decision.record, self._parts.reporter
        if decision.action is Action.RAISE:
            assert record is not None  # a recorded failure is what is raised
            assert record.failure is not None
            what = f"the failure of checkpoint {ticket.invocation_id!r}"
            permit = self._parts.permit(record.execution_id, what)
            error = failures.rebuild(record.failure, permit)
            self._link(ticket, record)
            reporter.reused(ticket.invocation_id, "raises again, as recorded")
            error = error or RuntimeError(record.failure.message)
            if record.execution_id == self._execution_id:
                self._control.raised_again(record, error)
            raise error
        output = decision.value or (record.output if record else None)
        assert output is not None  # completed calls and overrides have a value
        what = f"the result of checkpoint {ticket.invocation_id!r}"
        # An override is of the one who asked for the replay.
        owner = record.execution_id if record else self._execution_id
        value = self.decode(output, what, self._parts.permit(owner, what))
        self._origins.remember(value, ticket.invocation_id, output.content_hash)
        if decision.action is Action.OVERRIDE:
            self._commit(replace(self._record(ticket, output=output), overridden=True))
            reporter.reused(ticket.invocation_id, "overridden")
            return value
        assert record is not None
        self._link(ticket, record)
        reporter.reused(ticket.invocation_id, decision.note)
        return value

    def _link(self, ticket: Ticket, record: CallRecord) -> None:
        """Note a result taken from another execution; our own is noted already."""
        if record.execution_id == self._execution_id:
            return
        self._parts.recorder.link(
            replace(
                record,
                execution_id=self._execution_id,
                invocation_id=ticket.invocation_id,
                order=ticket.identity.order,
                position=ticket.identity.position,
                parents=ticket.parents,
                after=ticket.after,
                cache_key=None,
                reused=True,
                original=original_of(record),
                output_id=record.artifact_id,
            )
        )

    def decode(self, value: StoredValue, what: str, permit: Permit) -> object:
        """Return a stored value."""
        data = self._parts.values.get(value, what=what)
        return value_files.load(value, data, permit)


async def _awaited(value: Any) -> Any:
    return await value
