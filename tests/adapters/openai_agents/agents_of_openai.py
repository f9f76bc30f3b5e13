"""OpenAI agents with scripted models, as several tests need them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from agents import ModelResponse, Usage, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call

set_tracing_disabled(True)

Calls = Sequence[tuple[str, dict[str, Any]]]


def outputs(items: Any) -> list[str]:
    """Return what tools have returned."""
    return [
        str(item["output"])
        for item in items
        if isinstance(item, dict) and item.get("type") == "function_call_output"
    ]


class Scripted(ScriptedModel):
    """A model that makes these tool calls, and then says what they returned.

    Which turn it is depends on the messages alone: it is the same in a new process.

    Args:
        name: First part of the ids of its calls; turns are told by them.
        turns: The calls of each turn.
        made: Gets a line for each request.
        end: Makes the last answer of the messages.
        failing: Whether each request fails, asked before it is answered.
    """

    def __init__(
        self,
        name: str,
        *turns: Calls,
        made: list[str] | None = None,
        end: Callable[[Any], str] | None = None,
        failing: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__()
        self.model = "gpt-4o"
        self._name = name
        self._turns = turns
        self._made = [] if made is None else made
        self._end = end or (lambda items: " and ".join(outputs(items)))
        self._failing = failing or (lambda: False)

    def _answer(self, given: Any) -> list[Any]:
        items = given if isinstance(given, list) else []
        known = {
            item["call_id"]
            for item in items
            if isinstance(item, dict) and item.get("type") == "function_call_output"
        }
        turn = 0
        while turn < len(self._turns) and f"{self._name}-{turn}-0" in known:
            turn += 1
        if self._failing():
            raise ConnectionError("away")
        self._made.append(f"{self._name} {turn + 1}")
        if turn == len(self._turns):
            return [assistant_message(self._end(items))]
        return [
            function_call(name, arguments, call_id=f"{self._name}-{turn}-{index}")
            for index, (name, arguments) in enumerate(self._turns[turn])
        ]

    async def get_response(self, *args: Any, **options: Any) -> ModelResponse:
        given = args[1] if len(args) > 1 else options["input"]
        usage = Usage(requests=1, input_tokens=10, output_tokens=5, total_tokens=15)
        return ModelResponse(output=self._answer(given), usage=usage, response_id=None)

    async def stream_response(self, *args: Any, **options: Any) -> AsyncIterator[Any]:
        given = args[1] if len(args) > 1 else options["input"]
        usage = Usage(requests=1, input_tokens=10, output_tokens=5, total_tokens=15)
        single = ScriptedModel([self._answer(given)], default_usage=usage)
        async for event in single.stream_response(*args, **options):
            yield event
