"""What the played model of the tests answers, told by the conversation alone.

A prompt is a line of words: `bash LABEL…` calls Bash, which leaves the label, once for each
answer; `both A B` does so twice in one answer; `call TOOL NAME=VALUE…` calls any tool;
`ask HEADER…` asks the person, with a plus behind one for several answers;
`fail …` is an error of the API. A call that was not decided is made once more. It ends by
saying what tools returned.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

Blocks = list[dict[str, Any]]


def answer(messages: list[dict[str, Any]]) -> Blocks:
    """Return the blocks of the next answer."""
    with Path("asked").open("a") as file:
        file.write("asked\n")
    begun = max(i for i, message in enumerate(messages) if _is_prompt(message))
    words = shlex.split(messages[begun]["content"])
    if words[0] == "fail":
        raise ConnectionError(" ".join(words[1:]))
    blocks = [
        block
        for message in messages[begun + 1 :]
        for block in message["content"]
        if isinstance(message["content"], list)
    ]
    calls = [block for block in blocks if block["type"] == "tool_use"]
    told = [block["content"] for block in blocks if block["type"] == "tool_result"]
    for step, wanted in enumerate(_wanted(words)):
        if not calls:
            return [_call(f"{begun}-{step}-{n}", call) for n, call in enumerate(wanted)]
        del calls[: len(wanted)]
    undecided = sum("Not decided yet" in text for text in told)
    if undecided > len(calls):
        return [_call(f"{begun}-again-{len(calls)}", _wanted(words)[-1][-1])]
    before = sum(_is_prompt(message) for message in messages[:begun])
    said = " and ".join(text.strip() for text in told) or " ".join(words)
    return [{"type": "text", "text": f"{before + 1}: {said}"}]


def _is_prompt(message: dict[str, Any]) -> bool:
    return message["role"] == "user" and isinstance(message["content"], str)


def _wanted(words: list[str]) -> list[Blocks]:
    """Return the calls of each answer."""
    if words[0] == "bash":
        return [[_bash(word)] for word in words[1:]]
    if words[0] == "both":
        return [[_bash(word) for word in words[1:]]]
    if words[0] == "call":
        given = dict(word.split("=") for word in words[2:])
        return [[{"name": words[1], "input": given}]]
    if words[0] == "ask":
        asked = [_question(word) for word in words[1:]]
        return [[{"name": "AskUserQuestion", "input": {"questions": asked}}]]
    return []


def _question(header: str) -> dict[str, Any]:
    return {
        "question": f"Which {header}?",
        "header": header,
        "multiSelect": header.endswith("+"),
        "options": [{"label": "one", "description": "the first"}],
    }


def _bash(label: str) -> dict[str, Any]:
    return {"name": "Bash", "input": {"command": f"echo {label} | tee -a made"}}


def _call(call_id: str, call: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{call_id}", **call}
