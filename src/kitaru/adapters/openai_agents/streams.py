"""A run that is under way and gives its events, with the names that the SDK has."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Literal

from agents import Agent, RunResultStreaming, StreamEvent

from kitaru.adapters.openai_agents.context import Agents
from kitaru.adapters.openai_agents.results import (
    OpenAIRunResult,
    PendingApproval,
    Status,
)
from kitaru.errors import KitaruStateError, KitaruUsageError
from kitaru.models import Usage

Cancel = Literal["immediate", "after_turn"]


class OpenAIRunStream:
    """What `KitaruRunner.run_streamed` returns; used as the SDK's `RunResultStreaming`.

    The run begins with `stream_events()` and is over when that ends; then there is its
    `result`.
    """

    def __init__(
        self,
        agent: Agent[Any],
        events: Callable[[OpenAIRunStream], AsyncGenerator[StreamEvent]],
    ) -> None:
        self._agent = agent
        self._events = events
        self._is_begun = False
        self._raw: RunResultStreaming | None = None
        self._team: Agents | None = None
        self._result: OpenAIRunResult | None = None

    async def stream_events(self) -> AsyncIterator[StreamEvent]:
        """Run the agent, and give the SDK's events as they come.

        In a flow a recorded answer gives its items without deltas.

        Raises:
            KitaruUsageError: The second time.
        """
        if self._is_begun:
            raise KitaruUsageError(
                "stream_events() runs the agent, once; call run_streamed() again"
            )
        self._is_begun = True
        async with aclosing(self._events(self)) as events:
            async for event in events:
                yield event

    def cancel(self, mode: Cancel = "immediate") -> None:
        """Stop the run: now, or when the turn is over; what has finished is kept.

        Raises:
            KitaruStateError: If it has not begun.
        """
        if self._raw is None:
            raise KitaruStateError(
                "the run has not begun; it does with stream_events()"
            )
        self._raw.cancel(mode)

    @property
    def is_complete(self) -> bool:
        """Whether the run is over."""
        return self._result is not None

    @property
    def result(self) -> OpenAIRunResult:
        """How the run ended.

        Raises:
            KitaruStateError: If it has not.
        """
        if self._result is None:
            raise KitaruStateError(
                "the run is not over; go through stream_events() to its end first"
            )
        return self._result

    @property
    def final_output(self) -> Any:
        """The output; `None` as long as the run is not over, or if it is interrupted."""
        return None if self._result is None else self._result.output

    @property
    def output(self) -> Any:
        """The same, as `OpenAIRunResult` calls it."""
        return self.final_output

    @property
    def last_agent(self) -> Agent[Any]:
        """The user's agent that speaks now, or spoke last."""
        if self._raw is None or self._team is None:
            return self._agent
        return self._team.original(self._raw.last_agent)

    @property
    def status(self) -> Status:
        """`"completed"` or `"interrupted"`; see `result`."""
        return self.result.status

    @property
    def interruptions(self) -> Sequence[PendingApproval]:
        """The calls that wait for approval; see `result`."""
        return self.result.interruptions

    @property
    def usage(self) -> Usage:
        """Tokens of the whole run; see `result`."""
        return self.result.usage

    def to_input_list(self) -> list[Any]:
        """Return the whole conversation, as the next run takes it; see `result`."""
        return self.result.to_input_list()

    def follows(self, raw: RunResultStreaming, team: Agents) -> None:
        """Know the SDK's run that is under way."""
        self._raw, self._team = raw, team

    def ended(self, result: OpenAIRunResult) -> None:
        """Know how the run ended."""
        self._result = result

    def __repr__(self) -> str:
        how = "over" if self.is_complete else "begun" if self._is_begun else "not begun"
        return f"<OpenAIRunStream {self._agent.name}: {how}>"
