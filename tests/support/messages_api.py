"""A Messages API on this machine, with answers by a script: for the CLI of Claude Code.

with serving(script) as api:
    ClaudeAgentOptions(env=api.environment(home), ...)
"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Blocks = list[dict[str, Any]]
# What a model answers to the body of a request.
Script = Callable[[dict[str, Any]], Blocks]

_SENT, _RECEIVED = 10, 7


@dataclass
class Api:
    """The server, and the bodies it was sent by conversations, side requests not."""

    port: int
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def environment(self, home: Path) -> dict[str, str]:
        """Return what a CLI needs to talk to this API alone, from an empty home."""
        return {
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{self.port}",
            "ANTHROPIC_API_KEY": "no-key",
            "HOME": str(home),
            "CLAUDE_CONFIG_DIR": str(home),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            # A script that fails is told at once.
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
        }


def text(said: str) -> dict[str, Any]:
    """Return a block of text."""
    return {"type": "text", "text": said}


def tool(call_id: str, name: str, **arguments: Any) -> dict[str, Any]:
    """Return a block that calls a tool."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def results(body: dict[str, Any]) -> dict[str, str]:
    """Return what tools returned in a conversation, by the ids of their calls."""
    found = {}
    for message in body["messages"]:
        blocks = message["content"] if isinstance(message["content"], list) else []
        for block in blocks:
            if block["type"] == "tool_result":
                content = block["content"]
                if isinstance(content, list):
                    content = "".join(part.get("text", "") for part in content)
                found[block["tool_use_id"]] = content
    return found


@contextmanager
def serving(script: Script) -> Iterator[Api]:
    """Serve on a free port of this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    api = Api(server.server_port)
    server.api, server.script = api, script  # type: ignore[attr-defined]  # its handlers'
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, *_: object) -> None: ...

    def do_HEAD(self) -> None:
        self._send(b"")

    def do_GET(self) -> None:
        self._send(b"{}", status=404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        if "count_tokens" in self.path:
            self._send(b'{"input_tokens": 5}')
        elif "/messages" not in self.path:
            self._send(b"{}", status=404)
        elif not body.get("tools"):
            # Claude Code asks beside the conversation, for a title of it.
            self._answer(body, [text("a title")])
        else:
            self.server.api.bodies.append(body)
            self._answer(body, self.server.script(body))

    def _answer(self, body: dict[str, Any], blocks: Blocks) -> None:
        if body.get("stream"):
            self._send(_streamed(body, blocks), kind="text/event-stream")
        else:
            message = {**_message(body), **_end(blocks), "content": blocks}
            self._send(json.dumps(message).encode())

    def _send(
        self, data: bytes, *, kind: str = "application/json", status: int = 200
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _message(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{len(json.dumps(body['messages']))}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": _SENT, "output_tokens": 1},
    }


def _end(blocks: Blocks) -> dict[str, Any]:
    calls = any(block["type"] == "tool_use" for block in blocks)
    return {
        "stop_reason": "tool_use" if calls else "end_turn",
        "usage": {"input_tokens": _SENT, "output_tokens": _RECEIVED},
    }


def _streamed(body: dict[str, Any], blocks: Blocks) -> bytes:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": _message(body)}
    ]
    for index, block in enumerate(blocks):
        if block["type"] == "tool_use":
            begun = {**block, "input": {}}
            arguments = json.dumps(block["input"])
            delta = {"type": "input_json_delta", "partial_json": arguments}
        else:
            begun = text("")
            delta = {"type": "text_delta", "text": block["text"]}
        at = {"index": index}
        events += [
            {"type": "content_block_start", "content_block": begun, **at},
            {"type": "content_block_delta", "delta": delta, **at},
            {"type": "content_block_stop", **at},
        ]
    end = _end(blocks)
    stop = {"stop_reason": end["stop_reason"], "stop_sequence": None}
    usage = {"output_tokens": _RECEIVED}
    events += [
        {"type": "message_delta", "delta": stop, "usage": usage},
        {"type": "message_stop"},
    ]
    lines = (f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    return "".join(lines).encode()
