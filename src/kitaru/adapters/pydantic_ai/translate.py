"""PydanticAI's messages as Kitaru keeps and compares them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    TextPart,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_core import PydanticSerializationError

from kitaru._core.secrecy import masking
from kitaru.adapters._shared.boundary import MODEL_REQUEST
from kitaru.adapters._shared.growing import Growing

# Different each time the flow runs, and nothing a model sees.
_PASSING = frozenset(
    {
        "timestamp",
        "run_id",
        "conversation_id",
        "metadata",
        "usage",
        "provider_details",
        "provider_response_id",
    }
)


def model_inputs(
    messages: Sequence[ModelMessage],
    *,
    model: str | None,
    conversation: Growing | None = None,
) -> dict[str, Any] | None:
    """Return what a model request depends on, the same whenever the flow runs again.

    Args:
        messages: All that are sent.
        model: The model's name.
        conversation: What is known of earlier messages of the run.

    Returns:
        `None` if some part of the messages has no JSON form.
    """
    # PydanticAI may still add to what comes after the model's last answer.
    answers = [n for n, sent in enumerate(messages) if isinstance(sent, ModelResponse)]
    try:
        fingerprint = (conversation or Growing()).fingerprint(
            messages, _counting, settled=answers[-1] + 1 if answers else 0
        )
    except PydanticSerializationError:
        return None
    return {"model": model, "messages": fingerprint}


def _counting(message: ModelMessage) -> dict[str, Any]:
    return _lasting(ModelMessagesTypeAdapter.dump_python([message], mode="json")[0])


def _lasting(message: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in message.items() if key not in _PASSING}
    parts = [
        {key: value for key, value in part.items() if key not in _PASSING}
        for part in message.get("parts", ())
    ]
    return {**kept, "parts": parts}


def new_requests(messages: Sequence[ModelMessage]) -> list[dict[str, Any]]:
    """Return what was added to the conversation since the model's last answer."""
    added: list[ModelMessage] = []
    for message in reversed(messages):
        if isinstance(message, ModelResponse):
            break
        added.insert(0, message)
    dumped = ModelMessagesTypeAdapter.dump_python(
        added, mode="json", fallback=lambda value: f"<{type(value).__qualname__}>"
    )
    return [_without_binaries(_lasting(message)) for message in dumped]


def _without_binaries(value: Any) -> Any:
    """Return a dumped message with a word in place of each image or file."""
    if isinstance(value, list):
        return [_without_binaries(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "binary" and isinstance(value.get("data"), str):
        size = len(value["data"]) * 3 // 4
        return {**value, "data": f"<{size} bytes>"}
    return {key: _without_binaries(item) for key, item in value.items()}


def stored_form(override: Any, kind: str) -> Any:
    """Return an override as PydanticAI stores results.

    It is a text for a model's answer, or what a tool would have returned.
    """
    if kind == MODEL_REQUEST:
        response = ModelResponse(parts=[TextPart(str(override))])
        return ModelMessagesTypeAdapter.dump_python([response], mode="json")[0]
    return {"kind": "tool_return", "result": override}


def answer_text(response: ModelResponse) -> str:
    """Return a model's answer for people to read."""
    lines = []
    for part in response.parts:
        if isinstance(part, TextPart):
            lines.append(part.content)
        elif isinstance(part, ToolCallPart):
            lines.append(f"{part.tool_name}({part.args_as_json_str()})")
        else:
            lines.append(f"<{part.part_kind}>")
    return "\n".join(lines)


def call_index(
    messages: Sequence[ModelMessage], tool_call_id: str | None
) -> int | None:
    """Return the place of a tool call among those of the answer that asked for it."""
    for message in reversed(messages):
        if isinstance(message, ModelResponse):
            calls = [part.tool_call_id for part in message.tool_calls]
            if tool_call_id in calls:
                return calls.index(tool_call_id)
    return None


def without_prompts(messages: Sequence[ModelMessage]) -> list[ModelMessage]:
    """Return the messages of a turn without what comes in again with the next attempt.

    That is its prompt, system prompts and instructions. Prompts that came up on the way
    are kept without secrets.
    """
    kept: list[ModelMessage] = []
    for message in messages:
        if isinstance(message, ModelRequest):
            parts = [_without_secrets(part) for part in message.parts]
            dropped = ("system-prompt",) if kept else ("system-prompt", "user-prompt")
            message = replace(
                message,
                parts=[part for part in parts if part.part_kind not in dropped],
                instructions=None,
            )
        kept.append(message)
    return kept


def _without_secrets(part: ModelRequestPart) -> ModelRequestPart:
    if isinstance(part, UserPromptPart) and isinstance(part.content, str):
        return replace(part, content=masking.recorded(part.content))
    return part
