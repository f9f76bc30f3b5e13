"""Claude Code looks things up and publishes when a person agrees; survives kills.

    pip install 'kitaru[claude-agent-sdk]'
    python examples/claude_agent_sdk_agent.py

It needs no network: the CLI that comes with the SDK talks to a few lines at the end of this
file, which play the model. Leave `env` out to talk to Claude itself, and nothing else
changes. Answer the question with the command it prints, kill the process where you like and
let it go on with `kitaru executions retry`: no invocation that has ended is made again. Each
invocation gets an empty home, as on another machine.
"""

from __future__ import annotations

import http.server
import json
import sys
import tempfile
import threading
from functools import cache
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, create_sdk_mcp_server, tool

from kitaru import flow
from kitaru.adapters.claude_agent_sdk import KitaruClaudeRunner


@tool("look_up", "Find a fact about a topic", {"topic": str})
async def look_up(given: dict[str, Any]) -> dict[str, Any]:
    print(f"looking up {given['topic']}", file=sys.stderr)
    return {"content": [{"type": "text", "text": f"a fact about {given['topic']}"}]}


@tool("publish", "Publish a text", {"text": str})
async def publish(given: dict[str, Any]) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": f"published: {given['text']}"}]}


def options() -> ClaudeAgentOptions:
    desk = create_sdk_mcp_server("desk", tools=[look_up, publish])
    home = tempfile.mkdtemp()
    return ClaudeAgentOptions(
        mcp_servers={"desk": desk},
        # It may look things up; for the rest a person is asked.
        allowed_tools=["mcp__desk__look_up"],
        tools=[],
        setting_sources=[],
        env={
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{played_model()}",
            "ANTHROPIC_API_KEY": "none",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CONFIG_DIR": home,
            "HOME": home,
        },
    )


@flow
def briefing(request: str) -> str:
    researcher = KitaruClaudeRunner(name="researcher", options_factory=options)
    return researcher.run_sync(request).output


# -- what plays the model --------------------------------------------------------------


def answer(told: list[str]) -> list[dict[str, Any]]:
    """Look two things up, publish them, then say what came of it."""
    if not told:
        return [
            called("look_up", topic="durability"),
            called("look_up", topic="agents"),
        ]
    if len(told) == 2:
        return [called("publish", text=", ".join(told))]
    return [{"type": "text", "text": told[-1]}]


def called(name: str, **given: str) -> dict[str, Any]:
    tool = f"mcp__desk__{name}"
    call_id = f"toolu_{name}_{given.get('topic', '')}"
    return {"type": "tool_use", "id": call_id, "name": tool, "input": given}


@cache
def played_model() -> int:
    """Return the port of a Messages API that answers so."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), PlayedModel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class PlayedModel(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        messages = json.loads(self.rfile.read(length))["messages"]
        blocks = [
            block
            for message in messages
            if isinstance(message["content"], list)
            for block in message["content"]
            if block["type"] == "tool_result"
        ]
        told = [block["content"][0]["text"] for block in blocks]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for event in events(answer(told)):
            line = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
            self.wfile.write(line.encode())


def events(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return an answer as the API streams it."""
    message = {
        "id": f"msg_{blocks[0].get('id', 'end')}",
        "type": "message",
        "role": "assistant",
        "model": "played",
        "content": [],
        "usage": {"input_tokens": 10, "output_tokens": 1},
    }
    found: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            begun, delta = {**block, "text": ""}, {**block, "type": "text_delta"}
        else:
            begun = {**block, "input": {}}
            given = json.dumps(block["input"])
            delta = {"type": "input_json_delta", "partial_json": given}
        start = {"type": "content_block_start", "content_block": begun}
        change = {"type": "content_block_delta", "delta": delta}
        stop = {"type": "content_block_stop"}
        found += [{"index": index, **event} for event in (start, change, stop)]
    reason = "end_turn" if blocks[-1]["type"] == "text" else "tool_use"
    last = {"delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}}
    return [*found, {"type": "message_delta", **last}, {"type": "message_stop"}]


if __name__ == "__main__":
    print(briefing.run("What is new?").wait())
