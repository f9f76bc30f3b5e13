"""Kitaru's own routes of the local server: they start executions of deployed versions.

The server passes a request on to a process of its own, which does without ZenML: it
holds no code of users, and nothing of theirs can end it.
"""

from __future__ import annotations

import json
import logging
import secrets
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from kitaru import _recorded_names as recorded_names
from kitaru._engine.settings import server_token
from kitaru._engine.zenml.connection import local_server
from kitaru._engine.zenml.connection.doors import PREFIX

logger = logging.getLogger("kitaru.routes")


_MOST_BYTES = 10 * 2**20
_SECONDS = 120.0
# Each is a process, on a machine that runs flows, too.
_AT_ONCE = 4

Endpoint = Callable[[Request], Awaitable[JSONResponse]]


class _RefusedError(Exception):
    """A request that is answered without looking further."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def mount(folder: str) -> Mount:
    """Return the routes, to stand before ZenML's, whose page takes all that is left.

    Args:
        folder: The configuration folder whose executions are served.
    """
    limiter = CapacityLimiter(_AT_ONCE)

    def endpoint(do: str) -> Endpoint:
        async def answer(request: Request) -> JSONResponse:
            try:
                _check_token(request, folder)
                body = await _body(request) if request.method == "POST" else None
            except _RefusedError as refused:
                return _error(refused.status, "KitaruUsageError", str(refused))
            asked = {"do": do, "name": request.path_params["name"], "body": body}
            status, said = await to_thread.run_sync(
                _ask, folder, asked, limiter=limiter
            )
            return JSONResponse(said, status)

        return answer

    routes = [
        Route("/flows/{name}/invoke", endpoint("invoke"), methods=["POST"]),
        Route("/flows/{name}", endpoint("flow"), methods=["GET"]),
        Route("/executions/{name}", endpoint("execution"), methods=["GET"]),
    ]
    handlers: Any = {404: _no_route, 405: _no_route}
    return Mount(PREFIX, Starlette(routes=routes, exception_handlers=handlers))


def _check_token(request: Request, folder: str) -> None:
    wanted = server_token.read(Path(folder))
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    fits = wanted is not None and secrets.compare_digest(
        given.strip().encode(), wanted.encode()
    )
    if kind.lower() != "bearer" or not fits:
        raise _RefusedError(
            401, 'send the token: -H "Authorization: Bearer $(kitaru auth token)"'
        )


async def _body(request: Request) -> object:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise _RefusedError(415, "send JSON: -H 'Content-Type: application/json'")
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > _MOST_BYTES:
            raise _RefusedError(413, f"at most {_MOST_BYTES // 2**20} MiB can be sent")
    try:
        return json.loads(data or b"{}")
    except (ValueError, RecursionError) as error:
        raise _RefusedError(400, f"the body is no JSON: {error}") from error


def _ask(folder: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Let a process answer; what it says on the way goes to the log of the server."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", recorded_names.HTTP_ANSWER],
            input=json.dumps(asked).encode(),
            stdout=subprocess.PIPE,
            env=local_server.client_environment(folder),
            timeout=_SECONDS,
            check=False,
        )
        said = json.loads(done.stdout)
        return int(said["status"]), said["body"]
    except subprocess.TimeoutExpired:
        text = f"no answer within {_SECONDS:g} s; look with: kitaru executions list"
    except (OSError, ValueError) as error:
        logger.warning("%s", error)
        text = f"the process that answers ended early ({error}); try again"
    return 503, {"error": {"type": "KitaruBackendError", "message": text}}


async def _no_route(request: Request, error: Exception) -> JSONResponse:
    text = (
        f"there is no {request.method} {request.url.path}; there are POST "
        f"{PREFIX}/flows/FLOW/invoke, GET {PREFIX}/flows/FLOW and GET "
        f"{PREFIX}/executions/ID"
    )
    return _error(getattr(error, "status_code", 404), "KitaruUsageError", text)


def _error(status: int, kind: str, message: str) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    body = {"error": {"type": kind, "message": message}}
    return JSONResponse(body, status, headers=headers)
