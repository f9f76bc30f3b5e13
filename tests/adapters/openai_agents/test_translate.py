"""Answers come back as they were, whatever kinds of items they have."""

from __future__ import annotations

from typing import Any

import pytest
from agents import ModelResponse, Usage
from openai.types.responses import ResponseOutputItem
from pydantic import TypeAdapter

from kitaru.adapters.openai_agents import translate

SUMMARY = [{"type": "summary_text", "text": "I think"}]
ITEMS: list[dict[str, Any]] = [
    {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [
            {"type": "output_text", "text": "hi", "annotations": []},
            {"type": "refusal", "refusal": "no"},
        ],
    },
    {
        "type": "function_call",
        "call_id": "c",
        "name": "look",
        "arguments": "{}",
        "async": True,
    },
    {"id": "r", "type": "reasoning", "summary": SUMMARY, "encrypted_content": "x"},
    {
        "id": "w",
        "type": "web_search_call",
        "status": "completed",
        "action": {"type": "search", "query": "cats"},
    },
    {
        "id": "f",
        "type": "file_search_call",
        "status": "completed",
        "queries": ["cats"],
        "results": [{"file_id": "1", "score": 0.5, "text": "purr"}],
    },
    {
        "id": "u",
        "type": "computer_call",
        "call_id": "c",
        "status": "completed",
        "pending_safety_checks": [],
        "action": {"type": "screenshot"},
    },
    {"id": "i", "type": "image_generation_call", "status": "completed", "result": "="},
    {
        "id": "p",
        "type": "code_interpreter_call",
        "status": "completed",
        "code": "1",
        "container_id": "k",
        "outputs": [{"type": "logs", "logs": "1"}],
    },
    {
        "id": "l",
        "type": "mcp_list_tools",
        "server_label": "s",
        "tools": [{"name": "add", "input_schema": {"type": "object"}}],
    },
    {
        "id": "a",
        "type": "mcp_approval_request",
        "server_label": "s",
        "name": "add",
        "arguments": "{}",
    },
    {
        "id": "d",
        "type": "mcp_call",
        "server_label": "s",
        "name": "add",
        "arguments": "{}",
        "output": "3",
    },
    {"type": "custom_tool_call", "call_id": "c", "name": "t", "input": "raw"},
]


@pytest.mark.parametrize("item", ITEMS, ids=[item["type"] for item in ITEMS])
def test_an_answer_comes_back_equal(item: dict[str, Any]) -> None:
    kinds: TypeAdapter[Any] = TypeAdapter(ResponseOutputItem)
    usage = Usage(requests=1, input_tokens=10, output_tokens=5, total_tokens=15)
    answer = ModelResponse(
        output=[kinds.validate_python(item)], usage=usage, response_id="r"
    )

    again = translate.loaded_response(translate.stored_response(answer))

    assert again == answer
    assert [type(part) for part in again.output] == [type(p) for p in answer.output]
    assert again.to_input_items() == answer.to_input_items()


def test_an_override_is_the_text_of_an_answer() -> None:
    assert translate.answer_text(translate.loaded_response("hi").output) == "hi"
    last = translate.loaded_end({"text": 1}).response.output
    assert translate.answer_text(list(last)) == "{'text': 1}"
