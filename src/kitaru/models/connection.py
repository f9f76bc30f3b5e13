"""Servers, service accounts and API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from kitaru.models.base import Record


class Connection(Record):
    """What this process works with: the local store, or a server.

    Attributes:
        kind: `local`, a store on this machine, or `server`.
        url: Address of the server, or of the database of the store.
        user: Name of the user; never `None` for the connection in use.
        project: Name of the ZenML project; never `None` for the connection in use.
        server_version: ZenML's version on the server; `None` with a local store.
        chosen_by: Who decided: `default`, `login`, `argument`, or the name of a
            variable of the environment.
    """

    kind: Literal["local", "server"]
    url: str
    user: str | None = None
    project: str | None = None
    server_version: str | None = None
    chosen_by: str = "default"


class LocalServer(Record):
    """The server with dashboard on this machine.

    Attributes:
        url: Its address.
        dashboard_url: Address of the page that lists the runs.
        pid: Its process; `None` if it was started by `zenml login --local`.
        started: Whether it was started just now; false if it ran before.
    """

    url: str
    dashboard_url: str
    pid: int | None = None
    started: bool = False


class LoggedOut(Record):
    """What a logout ended.

    Attributes:
        stopped_server: Address of the server of this machine that was stopped; `None`
            if none ran.
        left_server: Address of the server whose login was forgotten; `None` if there
            was no login.
    """

    stopped_server: str | None = None
    left_server: str | None = None


class ServiceAccount(Record):
    """An account for programs.

    Attributes:
        account_id: Its id.
        name: Its name, unique on the server.
        description: What it is for; empty if nobody said it.
        active: Whether it may log in.
        created_at: When it was made, in UTC; `None` if the server does not say.
    """

    account_id: str
    name: str
    description: str = ""
    active: bool = True
    created_at: datetime | None = None


class ApiKey(Record):
    """A key of a service account, without its value.

    Attributes:
        key_id: Its id.
        name: Its name, unique in its account.
        service_account: Name of the account.
        description: What it is for; empty if nobody said it.
        active: Whether it lets anybody in.
        created_at: When it was made, in UTC; `None` if the server does not say.
        last_used_at: When somebody logged in with it last, in UTC; `None` if nobody
            has.
        last_rotated_at: When it got its present value in place of another, in UTC;
            `None` if it has its first.
    """

    key_id: str
    name: str
    service_account: str
    description: str = ""
    active: bool = True
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    last_rotated_at: datetime | None = None


class NewApiKey(ApiKey):
    """A key just made or rotated, with its value; see `ApiKey` for the rest.

    Attributes:
        key: The value; shown this once, it cannot be read again. It is in no `repr`.
    """

    key: str = Field(repr=False)
