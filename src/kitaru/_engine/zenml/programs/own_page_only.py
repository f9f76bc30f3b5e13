"""Who may ask the local server: programs of this machine, and its own page.

The server asks for no password, so a web page that the user has open must not reach it.
A browser says where a page is from (`Origin`) and what name it looked up (`Host`): a page
of elsewhere has another origin, and a name that somebody made point to this machine is
another host. Programs send no origin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


class OwnPageOnly:
    """An application that answers nobody else.

    Args:
        app: What it stands before.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with status 403."""
        if scope["type"] == "lifespan" or is_ours(scope.get("headers", ())):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        text = (
            b"refused: this server answers programs of its machine and its own page, "
            b"at http://127.0.0.1 or http://localhost"
        )
        plain = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 403, "headers": plain})
        await send({"type": "http.response.body", "body": text})


def is_ours(headers: Any) -> bool:
    """Whether a request is for this machine by name, and from no page of elsewhere.

    Args:
        headers: Pairs of bytes, names in lower case, as ASGI gives them.
    """
    hosts = [value for name, value in headers if name == b"host"]
    origins = [value for name, value in headers if name == b"origin"]
    if len(hosts) != 1:
        return False
    host = hosts[0].decode("latin-1").lower()
    if _name(host) not in _THIS_MACHINE:
        return False
    # Whoever forwards a port to the server has its page under a port of his own.
    return all(
        origin.decode("latin-1").lower() == f"http://{host}" for origin in origins
    )


def _name(host: str) -> str | None:
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and "@" not in host else None
