"""`kitaru ui`: serve the page to whoever sits at this machine."""

from __future__ import annotations

import socket
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from kitaru.errors import KitaruUsageError
from kitaru.ui.app import build
from kitaru.ui.guard import START_TOKEN, Guard

HOST = "127.0.0.1"
# Where it is unless it has to be elsewhere: bookmarks and saved filters go on.
PORT = 4817
_HIGHEST = 65_535
# Pages that are open are told of changes until then.
_PATIENCE = 1
_OPENER = '<!doctype html><meta http-equiv="refresh" content="0; url={url}">\n'


def serve(
    *, port: int | None, open_browser: bool, tell: Callable[[str], object]
) -> None:
    """Serve until somebody ends it.

    Args:
        port: Where; `None` for the usual one, or another if that is taken.
        open_browser: Whether to open it.
        tell: Given the address, which carries the token.

    Raises:
        KitaruUsageError: If the port cannot be had.
    """
    with _listening(port) as listener:
        taken = listener.getsockname()[1]
        guard = Guard(cookie=f"kitaru_page_{taken}")
        url = f"http://{HOST}:{taken}/?{START_TOKEN}={guard.token}"
        config = uvicorn.Config(
            build(guard),
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_PATIENCE,
        )
        tell(url)
        with _opened(url) if open_browser else _nothing():
            uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _listening(port: int | None) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(listener, port)
        yield listener


def _bind(listener: socket.socket, port: int | None) -> None:
    if port is not None and not 0 <= port <= _HIGHEST:
        raise KitaruUsageError(f"port {port} is not possible: ports go to {_HIGHEST}")
    try:
        listener.bind((HOST, PORT if port is None else port))
        # Two that share a port find out only here.
        listener.listen()
    except OSError as error:
        if port is not None:
            raise KitaruUsageError(
                f"port {port} cannot be had ({error.strerror}); name another one with "
                "--port, or leave it out"
            ) from error
        listener.bind((HOST, 0))


@contextmanager
def _opened(url: str) -> Iterator[None]:
    """Open a browser; others on this machine do not see the token in its command."""
    with tempfile.TemporaryDirectory(prefix="kitaru-") as folder:
        opener = Path(folder, "open.html")
        opener.touch(mode=0o600)
        opener.write_text(_OPENER.format(url=url), encoding="utf-8")
        webbrowser.open(opener.as_uri())
        yield


@contextmanager
def _nothing() -> Iterator[None]:
    yield
