"""Agents with scripted models, as several tests need them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel

Calls = Sequence[tuple[str, dict[str, Any]]]


def returned(messages: Sequence[ModelMessage]) -> list[Any]:
    """Return what tools have returned."""
    return [
        part.content
        for message in messages
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]


def scripted(
    *turns: Calls, made: list[str] | None = None, end: Callable[..., str] | None = None
) -> FunctionModel:
    """Return a model that makes these tool calls, and then says what they returned."""

    def answer(messages: list[ModelMessage]) -> ModelResponse:
        turn = sum(isinstance(message, ModelResponse) for message in messages)
        if made is not None:
            made.append(f"model {turn + 1}")
        if turn < len(turns):
            parts = [
                ToolCallPart(name, arguments, tool_call_id=f"call-{turn}-{index}")
                for index, (name, arguments) in enumerate(turns[turn])
            ]
            return ModelResponse(parts=parts)
        text = end(messages) if end else repr(returned(messages))
        return ModelResponse(parts=[TextPart(text)])

    def whole(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return answer(messages)

    async def streamed(
        messages: list[ModelMessage], info: AgentInfo
    ) -> AsyncIterator[Any]:
        for index, part in enumerate(answer(messages).parts):
            if isinstance(part, ToolCallPart):
                yield {
                    index: DeltaToolCall(
                        name=part.tool_name,
                        json_args=part.args_as_json_str(),
                        tool_call_id=part.tool_call_id,
                    )
                }
            elif isinstance(part, TextPart):
                for word in part.content.split():
                    yield f"{word} "

    return FunctionModel(whole, stream_function=streamed)


def searcher(made: list[str], **options: Any) -> Agent[None, str]:
    """Return an agent that searches once and then answers."""
    agent = Agent(
        scripted([("search", {"query": "x"})], made=made), name="searcher", **options
    )

    @agent.tool_plain
    def search(query: str) -> str:
        made.append("search")
        return f"found {query}"

    return agent
