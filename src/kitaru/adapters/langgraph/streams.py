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
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    left = threading.Event()

    def emit(event: Any) -> None:
        if left.is_set():
            raise _Left
        events.put(event)

    plan = plan_of(emit)
    answer: Callable[[], Step] = lambda: next(plan)  # noqa: E731  the first of several
    while True:
        try:
            step = answer()
        except StopIteration as end:
            yield end.value
            return
        outcome: list[Any] = []
        if step.is_live:
            yield from _beside(step, events, left, outcome)
        else:
            _call(step, outcome)
        answer = _answer(plan, outcome)


def _beside(
    step: Step,
    events: queue.SimpleQueue[Any],
    left: threading.Event,
    outcome: list[Any],
) -> Iterator[Any]:
    def work() -> None:
        _call(step, outcome)
        events.put(_END)

    # It belongs to the flow, and to the run, as the consumer does.
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work,), name="kitaru-graph")
    thread.start()
    try:
        while (event := events.get()) is not _END:
            yield event
    finally:
        left.set()
        thread.join()
        left.clear()


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
