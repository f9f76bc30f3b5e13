"""The SDK's answers as Kitaru keeps and compares them."""

from __future__ import annotations

from functools import cache
from typing import Any

from agents import ModelResponse, Usage
from agents.items import TResponseInputItem, TResponseOutputItem
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseOutputMessage,
    ResponseOutputText,
)
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

RUNNER_CALL = "runner_call"


@cache
def _response() -> TypeAdapter[ModelResponse]:
    return TypeAdapter(ModelResponse)


def _dumped(adapter: TypeAdapter[Any], value: Any) -> Any:
    # Only so is what comes back equal: a default that was not sent would be one that is
    # set, and the SDK compares items before it goes on after an approval.
    return adapter.dump_python(value, mode="json", by_alias=True, exclude_unset=True)


def stored_response(response: ModelResponse) -> Any:
    """Return an answer as it is stored."""
    return _dumped(_response(), response)


def loaded_response(stored: Any) -> ModelResponse:
    """Return a stored answer; an override is its text."""
    if isinstance(stored, dict) and "output" in stored:
        try:
            return _response().validate_python(stored)
        except ValidationError:
            pass
    return ModelResponse(output=[_said(stored)], usage=Usage(), response_id=None)


@cache
def _completed() -> TypeAdapter[ResponseCompletedEvent]:
    return TypeAdapter(ResponseCompletedEvent)


def stored_end(event: ResponseCompletedEvent) -> Any:
    """Return the last event of a stream as it is stored; it holds the whole answer."""
    return _dumped(_completed(), event)


def loaded_end(stored: Any) -> ResponseCompletedEvent:
    """Return a stored last event; an override is the text of the answer."""
    if isinstance(stored, dict) and "response" in stored:
        try:
            return _completed().validate_python(stored)
        except ValidationError:
            pass
    response = Response(
        id="override",
        created_at=0,
        model="override",
        object="response",
        output=[_said(stored)],
        parallel_tool_calls=False,
        tool_choice="auto",
        tools=[],
    )
    return ResponseCompletedEvent(
        response=response, sequence_number=0, type="response.completed"
    )


def _said(text: object) -> ResponseOutputMessage:
    return ResponseOutputMessage(
        id="override",
        type="message",
        role="assistant",
        status="completed",
        content=[
            ResponseOutputText(text=str(text), type="output_text", annotations=[])
        ],
    )


def call_ids(output: list[TResponseOutputItem]) -> list[str]:
    """Return the ids of the calls that an answer asks for, in order."""
    found = [getattr(item, "call_id", None) for item in output]
    return [call_id for call_id in found if isinstance(call_id, str)]


def answer_text(output: list[TResponseOutputItem]) -> str:
    """Return a model's answer for people to read."""
    lines = []
    for item in output:
        if isinstance(item, ResponseOutputMessage):
            lines += [
                part.text if isinstance(part, ResponseOutputText) else part.refusal
                for part in item.content
            ]
        elif item.type == "function_call":
            lines.append(f"{item.name}({item.arguments})")
        else:
            lines.append(f"<{item.type}>")
    return "\n".join(lines)


def plain_items(given: str | list[TResponseInputItem]) -> list[Any]:
    """Return the input of a request as a list of JSON data."""
    if isinstance(given, str):
        return [given]
    return [to_jsonable_python(item, fallback=str) for item in given]


def new_items(items: list[Any]) -> list[Any]:
    """Return what was added to a conversation since the model's last answer."""
    added: list[Any] = []
    for item in reversed(items):
        if isinstance(item, dict) and _is_models_own(item):
            break
        added.insert(0, item)
    return added


def _is_models_own(item: dict[str, Any]) -> bool:
    kind = item.get("type", "message")
    if kind == "message":
        return item.get("role") == "assistant"
    return not kind.endswith("_output")
