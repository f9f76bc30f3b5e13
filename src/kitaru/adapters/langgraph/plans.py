"""What a run does, written once for graphs that are called and for those awaited.

A plan is a generator of steps. What is asked of the graph, of the record and of people
happens in the steps; what follows from it is the plan's own code, which is the same for
both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

R = TypeVar("R")


@dataclass(frozen=True)
class Step:
    """Something that takes time: as it is called, and as it is awaited.

    `is_live` is for what makes the events of a stream.
    """

    called: Callable[[], Any]
    awaited: Callable[[], Awaitable[Any]]
    is_live: bool = False


Plan = Generator[Step, Any, R]


def carry_out(plan: Plan[R]) -> R:
    """Carry out a plan in this thread."""
    try:
        step = next(plan)
        while True:
            try:
                value = step.called()
            except BaseException as error:  # noqa: BLE001  the plan may catch it
                step = plan.throw(error)
            else:
                step = plan.send(value)
    except StopIteration as end:
        result: R = end.value
        return result


async def acarry_out(plan: Plan[R]) -> R:
    """Carry out a plan on the event loop that runs."""
    try:
        step = next(plan)
        while True:
            try:
                value = await step.awaited()
            except BaseException as error:  # noqa: BLE001  the plan may catch it
                step = plan.throw(error)
            else:
                step = plan.send(value)
    except StopIteration as end:
        result: R = end.value
        return result
