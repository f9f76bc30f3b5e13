"""A command for `curl` that invokes a deployed version."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from kitaru._core.versions import input_schemas
from kitaru._core.waits import hints
from kitaru._engine.open import connections
from kitaru._engine.port.connections import Door
from kitaru._ops import deployments
from kitaru.models import CurlCommand


def command(
    *,
    flow: str,
    version: int | None = None,
    tag: str | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> CurlCommand:
    """Return the command for a version; it works as it is printed.

    Args:
        flow: The flow.
        version: Number of the version.
        tag: A tag of it; `default` if neither is given.
        inputs: Arguments of the flow as JSON data; an example by default.

    Raises:
        KitaruUsageError: For an unknown flow, version or tag, and inputs that do not fit.
        KitaruStateError: If no server takes such requests; says what to do.
    """
    found = deployments.get(flow=flow, version=version, tag=tag)
    what = f"version {found.version} of flow {flow!r}"
    if inputs is None:
        given = json.loads(hints.example(found.schema) or "{}")
    else:
        given = input_schemas.checked(found.schema, inputs, what=what)
    door = connections().door(found.deployment_id, what=what)
    # The local server resolves a tag with each request; ZenML's route knows ids only.
    which = {"tag": tag or "default"} if version is None else {"version": version}
    if door.is_ours:
        url = f"{door.url}/flows/{quote(flow, safe='')}/invoke"
        body: dict[str, Any] = {"inputs": given, **which}
    else:
        url = door.url
        body = {"run_configuration": {"parameters": {"inputs": given}}}
    return CurlCommand(
        command=_command(door, url, body),
        url=url,
        body=body,
        flow=flow,
        version=found.version,
        is_bound=version is not None or not door.is_ours,
    )


def _command(door: Door, url: str, body: Mapping[str, Any]) -> str:
    lines = [
        f"curl -sS -X POST {shlex.quote(url)}",
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(json.dumps(body))}",
    ]
    if door.needs_token:
        lines.insert(1, '-H "Authorization: Bearer $(kitaru auth token)"')
    return " \\\n  ".join(lines)
