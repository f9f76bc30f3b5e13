"""The reference of an artifact: which value of which call of which execution."""

from __future__ import annotations

import base64
from typing import Any

from kitaru._core.calls.records import StoredValue


def reference(value: StoredValue) -> dict[str, Any]:
    """Return a stored value as JSON data, with its bytes if it has them inline."""
    payload = value.payload
    return {
        "serializer": value.serializer,
        "type_name": value.type_name,
        "content_hash": value.content_hash,
        "size": value.size,
        "payload": None if payload is None else base64.b64encode(payload).decode(),
        "uri": value.uri,
        "file_name": value.file_name,
    }


def from_reference(data: dict[str, Any]) -> StoredValue:
    """Return the value written by `reference`."""
    payload = data["payload"]
    decoded = None if payload is None else base64.b64decode(payload)
    return StoredValue(**{**data, "payload": decoded})
