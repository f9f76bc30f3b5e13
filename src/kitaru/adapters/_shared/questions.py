"""Ask a person from inside an agent, by a wait of the flow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kitaru._core.flows import scope
from kitaru._core.flows.signals import Suspended
from kitaru._core.secrecy import masking
from kitaru.adapters._shared import boundary, runs
from kitaru.adapters._shared.boundary import Place
from kitaru.errors import KitaruContextError
from kitaru.primitives import wait_for_all

MISPLACED = "Questions are asked from the flow, between checkpoints"


@dataclass(frozen=True)
class Question:
    """What is asked, and of which type the answer is.

    `advice` is for a question from a place that cannot ask: the adapter's own way out,
    such as how to take its tool out of a checkpoint.
    """

    text: str
    name: str
    schema: Any = str
    timeout: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    advice: str = ""


def ask(question: Question, run: runs.Run | None) -> Any:
    """Wait for the answer, here and now."""
    (answer,) = ask_all([question], run)
    return answer


def ask_all(questions: Sequence[Question], run: runs.Run | None) -> list[Any]:
    """Ask all of them together, and wait for the answers, here and now.

    Raises:
        KitaruContextError: In a checkpoint, or outside a flow.
    """
    for question in questions:
        _check_place(question)
    try:
        return wait_for_all(
            [
                {
                    "question": masking.recorded(question.text),
                    "name": wait_name(question.name, run),
                    "schema": question.schema,
                    "timeout": question.timeout,
                    "metadata": masking.recorded(question.metadata),
                }
                for question in questions
            ]
        )
    except KeyboardInterrupt:
        # It would leave the event loop at once, and threads that tools ran in would
        # never be told to end: the process would hang. The flow knows of it already.
        raise Suspended("interrupted") from None


def wait_name(name: str, run: runs.Run | None) -> str:
    """Return the name of the wait.

    Runs beside one another ask in any order; there the name says which run it was, so
    that no run is ever given the answer to another one's question.
    """
    if run is None or run.alone:
        return name
    return f"{run.id}.{name}"


async def ask_from_loop(question: Question, run: runs.Run | None) -> Any:
    """Wait for the answer when the calls beside this one are done."""
    (answer,) = await ask_all_from_loop([question], run)
    return answer


async def ask_all_from_loop(
    questions: Sequence[Question], run: runs.Run | None
) -> list[Any]:
    """Ask them together, when the calls beside are done.

    Returns:
        The answers, in the order of the questions.
    """
    for question in questions:
        _check_place(question)
    activity = runs.activity()
    assert activity is not None  # there is a flow here
    return await activity.gate().ask(lambda: ask_all(questions, run))


def ask_from_tool(question: Question) -> Any:
    """Wait for the answer, from the body of a tool in any thread.

    Raises:
        KitaruContextError: In a checkpoint, outside a flow, or on the event loop while
            other calls are under way.
    """
    _check_place(question)
    call = runs.current_tool_call()
    if call is None:
        return ask(question, None)
    if call.loop is None:
        raise KitaruContextError(
            f"the question {question.name!r} was asked by a tool of an agent that runs "
            "without an event loop, where nothing knows of the calls beside it"
            + _advised(question)
        )
    if _runs_here(call.loop):
        activity = runs.activity()
        assert activity is not None  # there is a flow here
        if not activity.gate().is_idle:
            raise KitaruContextError(
                f"the question {question.name!r} was asked by an `async def` tool while "
                "other calls of the agent are under way, which it cannot wait for. Make "
                "the tool a plain `def`" + _advised(question)
            )
        return ask(question, call.run)
    future = asyncio.run_coroutine_threadsafe(
        ask_from_loop(question, call.run), call.loop
    )
    return future.result()


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _check_place(question: Question) -> None:
    here = boundary.place()
    if here is Place.OUTSIDE:
        raise KitaruContextError(
            f"the question {question.name!r} was asked outside a flow; start the agent "
            "from a function decorated with @flow"
        )
    if here is Place.CHECKPOINT:
        error = KitaruContextError(
            f"the question {question.name!r} was asked inside a checkpoint. {MISPLACED}"
            + _advised(question)
        )
        raise scope.require_checkpoint("a question")[1].refuse(error)


def misplaced(question: Question, why: str) -> KitaruContextError:
    """Return the error for a question that came up inside a checkpoint."""
    return KitaruContextError(
        f"the question {question.name!r} of an agent came up inside a checkpoint: {why}. "
        f"{MISPLACED}{_advised(question)}"
    )


def _advised(question: Question) -> str:
    return f". {question.advice}" if question.advice else ""
