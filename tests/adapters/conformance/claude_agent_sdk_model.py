"""What the played model of Claude's program answers; runs in the process of the CLI."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from work import is_held, leave

PARENT = os.getppid()


def work(label: str) -> None:
    """Do a piece of work; the CLI ends with the process that started it."""
    leave(f"started {label}")
    while is_held(label):
        end_with_parent()
        time.sleep(0.01)
    end_with_parent()
    leave(f"finished {label}")


def end_with_parent() -> None:
    if os.getppid() != PARENT:
        os._exit(1)


def answer(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    asked = [
        message["content"]
        for message in messages
        if message["role"] == "user" and isinstance(message["content"], str)
    ]
    blocks = [
        block
        for message in messages
        if isinstance(message["content"], list)
        for block in message["content"]
    ]
    told = [block["content"] for block in blocks if block["type"] == "tool_result"]
    if "password" in asked[-1]:
        if not Path("failed").exists():
            Path("failed").touch()
            raise ConnectionError(f"401: wrong key {os.environ['ANTHROPIC_API_KEY']}")
        return said("I will tell nobody")
    turn = 2 if told else len(asked)
    work(f"model {turn}")
    if asked[-1] == "paint" and not told:
        return [call("prepare"), call("colour")]
    return said(" and ".join(told) or f"{len(asked)} heard {asked[-1]}")


def said(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]


def call(name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": f"mcp__own__{name}", "input": {}}
