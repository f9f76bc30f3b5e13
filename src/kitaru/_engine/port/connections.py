"""Which server this machine and this process work with, and the server on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from kitaru.models import Connection, LocalServer

TIMEOUT = 10.0
START_SECONDS = 90.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and how to get in; secrets never show in its `repr`.

    Without a URL it is the server of the stored login. `token` is an API key or a token.
    """

    url: str | None = None
    token: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    project: str | None = None
    verify: bool | str | None = None
    timeout: float = TIMEOUT

    @property
    def has_credentials(self) -> bool:
        """Whether it says how to get in."""
        return self.token is not None or self.password is not None


@dataclass(frozen=True, slots=True)
class Door:
    """Where a request starts an execution of a deployed version.

    Attributes:
        url: Of our own routes, or of ZenML's for that version.
        is_ours: Whether it is our own.
        needs_token: Whether a request has to carry the token of `Connections.token`.
    """

    url: str
    is_ours: bool
    needs_token: bool = True


class Connections(Protocol):
    """The connection of this machine and this process.

    It is there without an engine: one connects when no store can be opened.
    """

    def login(self, target: Target, *, refresh: bool) -> Connection:
        """Check a server, then store it as the login and work with it."""
        ...

    def login_to_workspace(self, workspace: str, target: Target) -> Connection:
        """Log in to a managed workspace by its name or id, the platform's own way."""
        ...

    def logout(self, *, everywhere: bool) -> str | None:
        """Forget the stored login; return the server that was left.

        With `everywhere` also the credentials for all other servers are forgotten.
        """
        ...

    def needs_credentials(self, target: Target, *, refresh: bool) -> bool:
        """Whether the server asks for credentials that neither target nor login has."""
        ...

    def current(self) -> Connection:
        """Return what this process works with."""
        ...

    def token(self) -> str | None:
        """Return a short-lived token for the server; `None` where none is needed."""
        ...

    def door(self, deployment_id: str, *, what: str) -> Door:
        """Return where a request over HTTP starts an execution of a version.

        Args:
            deployment_id: The version.
            what: The same, for messages.

        Raises:
            KitaruStateError: If no server takes such requests; says what to do.
        """
        ...

    def start_local_server(
        self, *, port: int | None, progress: Progress
    ) -> LocalServer:
        """Start the server of this machine, or find it running."""
        ...

    def stop_local_server(self) -> LocalServer | None:
        """Stop the server of this machine; return what was stopped."""
        ...

    def local_server(self) -> LocalServer | None:
        """Return the running server of this machine."""
        ...
