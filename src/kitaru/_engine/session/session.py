"""One process's turn at an execution: runs the flow body and answers its calls.

The rules are in `_core.replay`; the effects go through the small protocols of
`port`. Both engines use this class, so they cannot differ in semantics.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kitaru._core.calls import breakpoints
from kitaru._core.calls.replay import Timeline
from kitaru._core.calls.usage import Purse
from kitaru._core.flows import scope
from kitaru._core.flows.scope import RunningCall, Scope
from kitaru._core.flows.specs import CallOptions, CheckpointSpec, FlowSpec, WaitRequest
from kitaru._core.secrecy import masking
from kitaru._engine.port.execution import Found, Parts
from kitaru._engine.session import saved_values, threads
from kitaru._engine.session.checkpoints import Checkpointing
from kitaru._engine.session.endings import Control
from kitaru._engine.session.futures import CheckpointFuture, Pool
from kitaru._engine.session.waiting import Asked, WaitFuture, Waiting
from kitaru.errors import KitaruContextError

if TYPE_CHECKING:
    import asyncio

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True


def _first_answers(names: list[str], count: int) -> list[str]:
    """Which of some waits were answered first; what it returns comes with the call."""
    raise NotImplementedError


_FIRST = CheckpointSpec(
    "first_answers", _first_answers, type="wait", cache=False, is_internal=True
)


class Session:
    """Runs the body of one flow; the runtime that its scope offers."""

    def __init__(
        self, *, execution_id: str, flow: FlowSpec, timeline: Timeline, parts: Parts
    ) -> None:
        self.execution_id = execution_id
        self.purse = Purse(parts.budget, timeline.all_spent(), timeline.is_reused)
        self._flow = flow
        self._parts = parts
        self._control = Control(parts.recorder.mark_caught)
        self._waiting = Waiting(execution_id, parts, self._control, flow.hooks)
        self._checkpoints = Checkpointing(
            self, parts, timeline, self._control, self._waiting
        )
        self._pool = Pool(parts.width, self._control)
        self._thread = 0
        self._task: asyncio.Task[Any] | None = None

    # -- the body ------------------------------------------------------------

    def run(self, inputs: Mapping[str, Any]) -> object:
        """Run the flow body and return what it returns.

        Raises:
            FlowSignal: If it was suspended or cancelled, even if the body caught that.
            BaseException: Whatever the body raises.
        """
        self._thread = threading.get_ident()
        threads.belong_to_their_checkpoint()
        with scope.entered(Scope(self)):
            try:
                value = self._flow.function(**inputs)
                if inspect.iscoroutine(value):
                    import asyncio

                    value = asyncio.run(self._main(value))
                self._control.leave_fork(None)
            except BaseException as error:
                self._control.leave_fork(error)
                if isinstance(error, KeyboardInterrupt | SystemExit):
                    # The process is to end: submitted calls that wait do not start.
                    self._control.end(error)
                self._control.ended_with(error)
                # It wins over what user code made of it in `except` or `finally`.
                if self._control.ending is not None:
                    raise self._control.ending from None
                raise
            finally:
                self._pool.close()
        self._control.check()
        self._control.went_on()
        self._tell_unmatched()
        return value

    def _tell_unmatched(self) -> None:
        """Say which breakpoints no call has come to."""
        known = self._parts.breakpoints.of(self.execution_id)
        for selector, has_matched in known.items():
            if not has_matched and selector != breakpoints.EVERY:
                self._parts.reporter.warn(
                    f"breakpoint {selector!r}: no call of that name came to run"
                )

    async def _main(self, body: Coroutine[Any, Any, Any]) -> Any:
        self._task = scope.current_task()
        return await body

    @property
    def _on_path(self) -> bool:
        """Whether calls made here follow one another as the flow body says."""
        is_ours = threading.get_ident() == self._thread
        return is_ours and scope.current_task() is self._task

    # -- checkpoints ---------------------------------------------------------

    def call(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
    ) -> object:
        """Run a checkpoint, or return what it returned before."""
        self._control.check()
        on_path = self._on_path
        self._control.went_on(on_path=on_path)
        identity = self._checkpoints.identify(spec, options, on_path=on_path)
        return self._checkpoints.run(spec, args, kwargs, options, identity)

    def call_async(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
    ) -> Coroutine[Any, Any, object]:
        """Do the same for an `async def` checkpoint.

        The call gets its id here, not when it is awaited: `gather(f(1), f(2))` must
        give the same ids each time.
        """
        self._control.check()
        on_path = self._on_path
        self._control.went_on(on_path=on_path)
        identity = self._checkpoints.identify(spec, options, on_path=on_path)
        return self._checkpoints.run_async(spec, args, kwargs, options, identity)

    def submit(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
    ) -> CheckpointFuture[Any]:
        """Run a checkpoint beside the flow body."""
        self._control.check()
        self._control.went_on(on_path=self._on_path)
        identity = self._checkpoints.identify(spec, options, on_path=False)
        identity = replace(identity, is_submitted=True)
        return self._pool.submit(
            identity.invocation_id,
            lambda: self._checkpoints.run(spec, args, kwargs, options, identity),
        )

    # -- waits ---------------------------------------------------------------

    def wait_all(self, requests: Sequence[WaitRequest]) -> list[object]:
        """Return the answers, or leave the flow body until all are there."""
        self._check_thread()
        asked = self._waiting.prepared(requests, calls_before=self._checkpoints.asked)
        self._settle()
        return self._waiting.answers(asked)

    def ask(self, request: WaitRequest) -> WaitFuture[Any]:
        """Ask without stopping."""
        self._check_thread()
        self._control.went_on()
        calls = self._checkpoints.asked
        (asked,) = self._waiting.prepared([request], calls_before=calls)
        self._waiting.ask(asked)
        return WaitFuture(asked, self._answer_to)

    def _answer_to(self, asked: Asked) -> object:
        """Return the answer to what was asked, or leave the flow body until it is there."""
        self._check_thread()
        self._settle()
        (value,) = self._waiting.collect([asked])
        return value

    def first(
        self, futures: Sequence[WaitFuture[Any]], count: int
    ) -> list[WaitFuture[Any]]:
        """Return those answered first, or leave the flow body until so many are."""
        self._check_thread()
        self._settle()
        found = self._waiting.first([future.asked for future in futures], count)
        earliest = [asked.question.name for asked in found]
        by_name = {future.name: future for future in futures}
        # More may be answered when the body runs again: which were first is an outcome.
        options = CallOptions(work=lambda names, count: earliest)
        chosen = self.call(_FIRST, ([*by_name], count), {}, options)
        assert isinstance(chosen, list)
        return [by_name[name] for name in chosen]

    def _check_thread(self) -> None:
        self._control.check()
        if threading.get_ident() != self._thread:
            raise KitaruContextError(
                "wait() was called in another thread than the flow body's; only the flow "
                "body itself can pause"
            )

    def _settle(self) -> None:
        """A pause ends the process: what runs beside the body has to be done by then."""
        self._pool.settle()
        self._control.check()
        self._control.went_on()

    # -- the rest ------------------------------------------------------------

    def handled(self, error: BaseException) -> None:
        """Note that the flow goes on after a failure."""
        self._control.handled(error)

    def unhandled(self, error: BaseException) -> None:
        """Note that a failure which counted as handled is none."""
        self._control.unhandled(error)

    def check_process(self) -> None:
        """Refuse what is called in a process that was forked from the flow's."""
        self._control.check_process()

    def log(self, values: Mapping[str, Any]) -> None:
        """Add metadata to the execution."""
        self._control.check()
        self._control.went_on(on_path=self._on_path)
        self._parts.recorder.note(masking.data(values))

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
        self._control.check_process()
        saved_values.add(
            call,
            name,
            value,
            self._parts.values,
            execution_id=self.execution_id,
            save_type=save_type,
            tags=tags,
        )

    def load(
        self, execution_id: str, name: str, call: RunningCall, *, trust: bool
    ) -> object:
        """Return a value this call has saved, or one of a finished call."""
        self._control.check_process()
        own = call if execution_id == self.execution_id else None
        found = saved_values.saved_by(own, name, self._parts.values)
        return saved_values.load(found or self.find(execution_id, name, trust))

    def find(self, execution_id: str, name: str, trust: bool) -> Found:
        """Return a value of a finished call, for a body in another process say."""
        # Whoever let this execution run here has decided about its own content.
        is_own = execution_id == self.execution_id
        return self._parts.find(execution_id, name, trust or is_own)
