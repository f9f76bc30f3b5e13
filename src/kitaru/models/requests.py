"""Requests that other programs can send."""

from __future__ import annotations

from typing import Any

from kitaru.models.base import Record


class CurlCommand(Record):
    """A command that invokes a deployed version over HTTP.

    Attributes:
        command: The command, for a shell; it asks `kitaru auth token` for the token.
        url: What it posts to.
        body: The JSON object that it posts.
        flow: Name of the flow.
        version: The version that it starts now.
        is_bound: Whether it always starts that version; else the one that has the tag by
            then.
    """

    command: str
    url: str
    body: dict[str, Any]
    flow: str
    version: int
    is_bound: bool
