"""A web server that answers as it is told, one answer after the other."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Said:
    """An answer.

    Attributes:
        body: JSON data, or bytes as they are.
        status: HTTP's number.
        cut: How many bytes of the body are left out, though they were announced.
        drops: Whether the connection is closed without an answer.
        location: Where to look instead.
    """

    body: Any = None
    status: int = 200
    cut: int = 0
    drops: bool = False
    location: str | None = None


@dataclass
class Scripted:
    """Where it is, and what it was asked: method, path with query, token, body."""

    url: str = ""
    asked: list[tuple[str, str, str | None, bytes]] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Methods and paths of what it was asked."""
        return [f"{method} {path}" for method, path, _, _ in self.asked]

    @property
    def tokens(self) -> list[str | None]:
        """The token of each request."""
        return [token for _, _, token, _ in self.asked]


@contextmanager
def answering(answers: Sequence[Said]) -> Iterator[Scripted]:
    """Run a server that gives these answers, and the last of them for ever."""
    scripted, left = Scripted(), list(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            bearer = self.headers.get("Authorization")
            token = bearer.removeprefix("Bearer ") if bearer else None
            scripted.asked.append((self.command, self.path, token, body))
            said = left.pop(0) if len(left) > 1 else left[0]
            if said.drops:
                self.close_connection = True
                return
            data = (
                said.body
                if isinstance(said.body, bytes)
                else json.dumps(said.body).encode()
            )
            self.send_response(said.status)
            self.send_header("Content-Length", str(len(data)))
            if said.location:
                self.send_header("Location", said.location)
            self.end_headers()
            self.wfile.write(data[: len(data) - said.cut])
            self.close_connection = bool(said.cut)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        scripted.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield scripted
        finally:
            server.shutdown()
            thread.join()
