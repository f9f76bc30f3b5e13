"""Servers, service accounts and API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from kitaru.models.base import Record


class Connection(Record):
    """What this process works with: the local store, or a server.

    `chosen_by` says who decided: `default`, `login`, a variable, or `argument`.
    """

    kind: Literal["local", "server"]
    url: str
    user: str | None = None
    project: str | None = None
    server_version: str | None = None
    chosen_by: str = "default"


class LocalServer(Record):
    """The server with dashboard on this machine; `started` is false if it ran before."""

    url: str
    dashboard_url: str
    pid: int | None = None
    started: bool = False


class LoggedOut(Record):
    """What a logout ended; both are `None` if there was nothing."""

    stopped_server: str | None = None
    left_server: str | None = None


class ServiceAccount(Record):
    """An account for programs."""

    account_id: str
    name: str
    description: str = ""
    active: bool = True
    created_at: datetime | None = None


class ApiKey(Record):
    """A key of a service account, without its value."""

    key_id: str
    name: str
    service_account: str
    description: str = ""
    active: bool = True
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    last_rotated_at: datetime | None = None


class NewApiKey(ApiKey):
    """A key just made; its value is shown this once and cannot be read again."""

    key: str = Field(repr=False)
