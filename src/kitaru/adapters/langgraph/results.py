"""What goes into a run of a graph, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kitaru.models import Usage

Status = Literal["completed", "interrupted"]


@dataclass(frozen=True)
class PendingInterrupt:
    """A question of the graph that waits for an answer.

    Attributes:
        id: LangGraph's id of it; answers are given by it. Another one in each attempt.
        value: What the graph called `interrupt` with.
        name: Its place, which is the same in each attempt; the name of its wait.
        response_schema: JSON Schema of the answer; `None` for any JSON data.
    """

    id: str
    value: Any
    name: str
    response_schema: dict[str, Any] | None = None


@dataclass(frozen=True)
class Standing:
    """Which run of a flow stopped, and in which of its parts; a later one goes on."""

    run_id: str
    agent: str
    part: int


@dataclass(frozen=True)
class LangGraphRunRequest:
    """What to run: a beginning, or what goes on after interrupts.

    Made by `start` and `resume`.
    """

    input: Any = None
    thread_id: str | None = None
    answers: Mapping[str, Any] | None = None
    standing: Standing | None = field(default=None, repr=False)

    @classmethod
    def start(cls, input: Any, thread_id: str | None = None) -> LangGraphRunRequest:
        """Begin with an input, as the graph's `invoke` takes it.

        Args:
            input: The input.
            thread_id: The thread of the graph's checkpointer; in a flow one of its own
                by default.

        Example:
            >>> LangGraphRunRequest.start({"messages": []}, thread_id="chat").thread_id
            'chat'
        """
        return cls(input=input, thread_id=thread_id)

    @classmethod
    def resume(
        cls,
        thread_id: str,
        answers: Mapping[str, Any],
        *,
        standing: Standing | None = None,
    ) -> LangGraphRunRequest:
        """Go on with a thread that was interrupted.

        Args:
            thread_id: `LangGraphRunResult.thread_id`.
            answers: The answers by id of the interrupt.
            standing: Where the run stopped; `build_resume_request` knows it.
        """
        return cls(thread_id=thread_id, answers=dict(answers), standing=standing)


@dataclass(frozen=True)
class LangGraphRunResult:
    """How a run of a graph ended.

    Attributes:
        output: What the graph's `invoke` returns; without interrupts.
        status: `"completed"` or `"interrupted"`.
        interrupts: The questions that wait, by their place in the graph.
        thread_id: The thread of the checkpointer; `None` without one.
        usage: Tokens of the run's models: in `"calls"` of those that
            `KitaruLangGraphMiddleware` records, recorded answers included.
    """

    output: Any
    status: Status
    interrupts: Sequence[PendingInterrupt]
    thread_id: str | None
    usage: Usage
    standing: Standing | None = field(default=None, repr=False)
