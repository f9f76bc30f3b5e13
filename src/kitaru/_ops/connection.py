"""Log in and out, choose a connection, and run the server of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import ParamSpec, TypeVar

from kitaru._engine import open as engines
from kitaru._engine.open import connections, current_engine
from kitaru._engine.port.connections import TIMEOUT, Progress, Target
from kitaru.errors import KitaruUsageError
from kitaru.models import Connection, LocalServer, LoggedOut

P = ParamSpec("P")
T = TypeVar("T")

AUTH_TOKEN = "KITARU_AUTH_TOKEN"


class Place:
    """Where the operations of a client happen: here, or with a connection of its own.

    Args:
        server_url: A server; `None` for the one of this process.
        auth_token: An API key or token for it.
        project: A project there.
    """

    def __init__(
        self,
        server_url: str | None = None,
        auth_token: str | None = None,
        project: str | None = None,
    ) -> None:
        self._context: Context | None = None
        if server_url or auth_token or project:
            self._context = Context()
            target = Target(server_url, auth_token, project=project)
            self._context.run(engines.enter, target)

    def run(self, operation: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something there."""
        if self._context is None:
            return operation(*args, **kwargs)
        # A copy, since threads may not share one.
        return self._context.copy().run(operation, *args, **kwargs)

    def iterate(
        self,
        operation: Callable[P, Iterator[T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Iterator[T]:
        """Do something there that yields piece by piece."""
        found = self.run(operation, *args, **kwargs)
        return found if self._context is None else self._pieces(found)

    def _pieces(self, found: Iterator[T]) -> Iterator[T]:
        end = object()
        while True:
            piece = self.run(next, found, end)
            if piece is end:
                return
            yield piece  # type: ignore[misc]  # `end` has been dealt with


def login(
    server_url: str,
    *,
    api_key: str | None = None,
    user: str | None = None,
    password: str | None = None,
    refresh: bool = False,
    project: str | None = None,
    no_verify_ssl: bool = False,
    ssl_ca_cert: str | None = None,
    timeout: float | None = None,
) -> Connection:
    """Check a server and credentials, store them as the login, and work with them.

    Nothing is stored if anything is wrong.

    Raises:
        KitaruUsageError: If an argument cannot be right.
        KitaruBackendError: If the server is not there, refuses, or lacks the project.
        KitaruStateError: If an execution runs in this process.
    """
    target = _target(
        server_url,
        api_key=api_key,
        user=user,
        password=password,
        project=project,
        no_verify_ssl=no_verify_ssl,
        ssl_ca_cert=ssl_ca_cert,
        timeout=timeout,
    )
    engines.forget_engine()
    if _is_url(server_url):
        return connections().login(target, refresh=refresh)
    return connections().login_to_workspace(server_url, target)


def needs_credentials(
    server_url: str,
    *,
    refresh: bool = False,
    no_verify_ssl: bool = False,
    ssl_ca_cert: str | None = None,
    timeout: float | None = None,
) -> bool:
    """Whether somebody must be asked for user and password.

    Raises:
        KitaruBackendError: If the server is not there.
    """
    if not _is_url(server_url) or os.environ.get(AUTH_TOKEN):
        return False
    target = _target(
        server_url,
        no_verify_ssl=no_verify_ssl,
        ssl_ca_cert=ssl_ca_cert,
        timeout=timeout,
    )
    return connections().needs_credentials(target, refresh=refresh)


def logout(*, everywhere: bool = False) -> LoggedOut:
    """Stop the server of this machine and forget the stored login.

    Raises:
        KitaruStateError: If an execution runs in this process.
    """
    engines.forget_engine()
    stopped = connections().stop_local_server()
    left = connections().logout(everywhere=everywhere)
    return LoggedOut(stopped_server=stopped.url if stopped else None, left_server=left)


def current() -> Connection:
    """Return what this process works with.

    Raises:
        KitaruBackendError: If the server is not there or refuses.
    """
    return current_engine().connections.current()


def auth_token() -> str | None:
    """Return a short-lived token for the server; `None` where none is needed.

    Raises:
        KitaruBackendError: If the server is not there or refuses.
    """
    return current_engine().connections.token()


def start_local_server(
    *, port: int | None = None, progress: Progress | None = None
) -> LocalServer:
    """Start the server with dashboard on this machine, or find it running.

    Args:
        port: The port; 8237 or a free one by default.
        progress: Told how it goes.

    Raises:
        KitaruFeatureNotAvailableError: If its packages are not installed.
        KitaruStateError: If the login is to another server, or the port is taken.
        KitaruBackendError: If it does not come up.
    """
    return connections().start_local_server(
        port=port, progress=progress or (lambda _text: None)
    )


def stop_local_server() -> LocalServer | None:
    """Stop the server of this machine; `None` if there was none."""
    return connections().stop_local_server()


def local_server() -> LocalServer | None:
    """Return the running server of this machine."""
    return connections().local_server()


def _is_url(server: str) -> bool:
    return "://" in server


def _target(
    server_url: str,
    *,
    api_key: str | None = None,
    user: str | None = None,
    password: str | None = None,
    project: str | None = None,
    no_verify_ssl: bool = False,
    ssl_ca_cert: str | None = None,
    timeout: float | None = None,
) -> Target:
    if no_verify_ssl and ssl_ca_cert is not None:
        raise KitaruUsageError(
            "no_verify_ssl and ssl_ca_cert exclude each other: a certificate that is not "
            "checked needs no authority"
        )
    if timeout is not None and timeout <= 0:
        raise KitaruUsageError(f"the timeout must be more than 0 s, not {timeout:g}")
    if user is not None and password is None:
        raise KitaruUsageError(
            "a user needs a password, which is asked on a terminal; elsewhere give an API "
            "key"
        )
    if not server_url.strip():
        raise KitaruUsageError("the server URL must not be empty")
    token = api_key
    if token is None and password is None:
        token = os.environ.get(AUTH_TOKEN) or None
    if token is not None and not token.strip():
        raise KitaruUsageError("the API key must not be empty")
    return Target(
        url=server_url,
        token=token.strip() if token is not None else None,
        user=user,
        password=password,
        project=project,
        verify=False if no_verify_ssl else ssl_ca_cert,
        timeout=TIMEOUT if timeout is None else timeout,
    )
