"""The events of a run while it goes, from the steps that make them.

Such a step runs beside the consumer, which waits for events meanwhile: in a thread, or
as a task. Questions to people stay in the consumer's own thread, the flow's.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from kitaru.adapters.langgraph.plans import Plan, Step

_END = object()
PlanOf = Callable[[Callable[[Any], None]], Plan[Any]]


class _Left(BaseException):
    """The consumer has left; the graph is not to go on."""


def streamed(plan_of: PlanOf) -> Iterator[Any]:
    """Carry out a plan in this thread; yield its events, its result last.

    Args:
        plan_of: Makes the plan, given what takes events.
    """
    meeting = _Meeting()
    plan = plan_of(meeting.emit)
    answer: Callable[[], Step] = lambda: next(plan)  # noqa: E731  the first of several
    while True:
        try:
            step = answer()
        except StopIteration as end:
            yield end.value
            return
        outcome: list[Any] = []
        if step.is_live:
            yield from _beside(step, meeting, outcome)
        else:
            _call(step, outcome)
        answer = _answer(plan, outcome)


class _Meeting:
    """Hands events over one by one; the graph waits until the consumer has seen each."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._seen = threading.Semaphore(0)
        self._has_left = False

    def emit(self, event: Any) -> None:
        """Hand an event over."""
        self._events.put(event)
        self._seen.acquire()
        if self._has_left:
            raise _Left

    def end(self) -> None:
        """Say that there are no more for now."""
        self._events.put(_END)

    def received(self) -> Iterator[Any]:
        """Yield the events up to the end; whoever ends this before has left."""
        is_over = False
        try:
            while (event := self._events.get()) is not _END:
                yield event
                self._seen.release()
            is_over = True
        finally:
            if not is_over:
                self._has_left = True
                self._seen.release()


def _beside(step: Step, meeting: _Meeting, outcome: list[Any]) -> Iterator[Any]:
    def work() -> None:
        _call(step, outcome)
        meeting.end()

    # It belongs to the flow, and to the run, as the consumer does.
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work,), name="kitaru-graph")
    thread.start()
    try:
        yield from meeting.received()
    finally:
        thread.join()


def _call(step: Step, outcome: list[Any]) -> None:
    try:
        outcome += [step.called(), None]
    except BaseException as error:  # noqa: BLE001  the plan gets it
        outcome += [None, error]


def _answer(plan: Plan[Any], outcome: list[Any]) -> Callable[[], Step]:
    value, error = outcome
    if error is not None:
        return lambda: plan.throw(error)
    return lambda: plan.send(value)


async def astreamed(plan_of: PlanOf) -> AsyncIterator[Any]:
    """Carry out a plan on the event loop; yield its events, its result last."""
    events: asyncio.Queue[Any] = asyncio.Queue()
    plan = plan_of(events.put_nowait)
    answer: Callable[[], Step] = lambda: next(plan)  # noqa: E731  the first of several
    while True:
        try:
            step = answer()
        except StopIteration as end:
            yield end.value
            return
        task: asyncio.Future[Any] = asyncio.ensure_future(step.awaited())
        task.add_done_callback(lambda _: events.put_nowait(_END))
        try:
            while (event := await events.get()) is not _END:
                yield event
        except (asyncio.CancelledError, GeneratorExit):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            raise
        outcome = (
            [None, task.exception()] if task.exception() else [task.result(), None]
        )
        answer = _answer(plan, outcome)
