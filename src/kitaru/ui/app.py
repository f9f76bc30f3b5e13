"""The page as an ASGI application: guards, reads, lets a handler answer, renders."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextvars import copy_context
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount
from starlette.routing import Route as Place
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kitaru.errors import (
    KitaruBackendError,
    KitaruError,
    KitaruFeatureNotAvailableError,
    KitaruStateError,
    KitaruUsageError,
)
from kitaru.ui import (
    answering,
    deployments,
    executions,
    inbox,
    links,
    live,
    replaying,
    schedules,
    values,
)
from kitaru.ui.guard import FORM_TOKEN, HEADERS, START_TOKEN, Guard, is_ours
from kitaru.ui.rendering import Renderer
from kitaru.ui.routes import ROUTES, Asked, GoTo, Raw, Route, Shown

logger = logging.getLogger(__name__)

# Their handlers have taken their addresses when they were imported.
HANDLERS = (
    inbox,
    answering,
    links,
    executions,
    replaying,
    values,
    deployments,
    schedules,
)
START = "/inbox"
_STATIC = Path(__file__).parent / "static"
_MOST_BYTES = 16 * 2**20
_MOST_FIELDS = 20_000


class _TooLong(Exception):
    """A form that nobody fills in."""


def build(guard: Guard) -> ASGIApp:
    """Return the application; its operations work in the context of whoever calls this."""
    page = _Page(guard)
    places = [
        Place("/", page.start),
        Place("/events", page.events),
        *(
            Place(route.address, page.handled(route), methods=[route.method])
            for route in ROUTES
        ),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    known = {404: page.not_found, 405: page.not_found, 500: page.broken}
    return _Guarded(Starlette(routes=places, exception_handlers=known), guard, page)


class _Guarded:
    """Lets through what comes from the page itself, and adds what browsers are told."""

    def __init__(self, app: ASGIApp, guard: Guard, page: _Page) -> None:
        self._app = app
        self._guard = guard
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(name.encode(), value.encode()) for name, value in HEADERS]
                names = {name for name, _ in given}
                rest = [h for h in message.get("headers", []) if h[0] not in names]
                message["headers"] = [*rest, *given]
            await send(message)

        request = Request(scope, receive)
        app = self._app if self._is_let_in(request) else self._page.not_allowed(request)
        await app(scope, receive, told)

    def _is_let_in(self, request: Request) -> bool:
        if not is_ours(request.method, request.headers):
            return False
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        if path.startswith(("/static/", "/q/")) or path == "/":
            return True
        return self._guard.knows(request.headers)


class _Page:
    """Answers requests that were let in."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._renderer = Renderer(guard.form_token)
        self._context = copy_context()

    # -- what is no handler's --------------------------------------------------

    def start(self, request: Request) -> Response:
        """Begin a session for whoever has the token, and go to the inbox."""
        root = _root(request)
        token = request.query_params.get(START_TOKEN, "")
        if self._guard.begins(token):
            # No redirect: coming from another site, it would go without the cookie.
            there = self._rendered(request, Shown("start.html", {"to": START}))
            there.headers["set-cookie"] = self._guard.set_cookie
            return there
        if self._guard.knows(request.headers):
            return RedirectResponse(f"{root}{START}", status_code=303)
        return self.not_allowed(request)

    async def events(self, request: Request) -> Response:
        """Tell of changes for as long as somebody looks."""
        return live.stream(request, self._context)

    def not_allowed(self, request: Request) -> Response:
        """Return the page for whoever may not see the others."""
        return self._rendered(request, Shown("refused.html", {}, 403))

    async def not_found(self, request: Request, _: Exception) -> Response:
        """Return the page for an address that is none."""
        return self._rendered(
            request, _problem(404, "There is nothing at this address.")
        )

    async def broken(self, request: Request, _: Exception) -> Response:
        """Return the page for a fault of ours; the log has it whole."""
        text = "The page could not be made; what `kitaru ui` prints says why."
        return self._rendered(request, _problem(500, text))

    # -- handlers --------------------------------------------------------------

    def handled(self, route: Route) -> Any:
        """Return what answers requests for a route."""

        async def answer(request: Request) -> Response:
            try:
                asked = await _read(request)
            except _TooLong as error:
                return self._rendered(request, _problem(413, str(error)))
            if route.method == "POST" and not self._takes(asked):
                return self.not_allowed(request)
            # A copy, since threads may not share one.
            context = self._context.copy()
            return await run_in_threadpool(
                context.run, self._answered, request, route, asked
            )

        return answer

    def _takes(self, asked: Asked) -> bool:
        return self._guard.takes(asked.sent(FORM_TOKEN))

    def _answered(self, request: Request, route: Route, asked: Asked) -> Response:
        try:
            found = route.handler(asked)
        except KitaruError as error:
            logger.debug("%s %s", route.method, route.address, exc_info=error)
            found = _problem(_status(error, route), str(error))
        if isinstance(found, GoTo):
            return RedirectResponse(f"{_root(request)}{found.address}", status_code=303)
        if isinstance(found, Raw):
            return _bytes(found)
        return self._rendered(request, found)

    def _rendered(self, request: Request, shown: Shown) -> Response:
        path = request.url.path.removeprefix(_root(request))
        origin = f"{request.url.scheme}://{request.url.netloc}"
        text = self._renderer.render(
            shown,
            root=_root(request),
            path=path,
            query=request.url.query,
            origin=origin,
        )
        return HTMLResponse(text, status_code=shown.status)


def _bytes(raw: Raw) -> Response:
    response = Response(raw.content, media_type=raw.media_type)
    if raw.file_name:
        kept = f'attachment; filename="{raw.file_name}"'
        response.headers["content-disposition"] = kept
    return response


def _problem(status: int, text: str) -> Shown:
    return Shown("problem.html", {"text": text, "code": status}, status)


def _status(error: KitaruError, route: Route) -> int:
    if isinstance(error, KitaruUsageError):
        return 404 if route.method == "GET" else 400
    if isinstance(error, KitaruStateError):
        return 409
    if isinstance(error, KitaruFeatureNotAvailableError):
        return 501
    return 503 if isinstance(error, KitaruBackendError) else 500


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


async def _read(request: Request) -> Asked:
    """Return what a request says.

    Raises:
        _TooLong: If it is more than anybody types.
    """
    query = _fields(request.url.query)
    form: Mapping[str, list[str]] = {}
    if request.method == "POST":
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _MOST_BYTES:
                raise _TooLong(
                    f"The form is larger than {_MOST_BYTES // 2**20} MB; nothing was done."
                )
        form = _fields(body.decode("utf-8", "replace"))
    return Asked(dict(request.path_params), query, form)


def _fields(text: str) -> Mapping[str, list[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise _TooLong(
            f"The form has more than {_MOST_FIELDS} fields; nothing was done."
        ) from None
