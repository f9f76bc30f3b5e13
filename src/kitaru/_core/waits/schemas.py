"""Read JSON schemas as pydantic writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_HERE = "#/$defs/"


def resolved(part: Schema, whole: Schema) -> Schema:
    """Follow references of a part into `whole`; what stands beside one describes it."""
    every = part.get("allOf", ())
    if len(every) == 1:
        part = {**every[0], **{k: v for k, v in part.items() if k != "allOf"}}
    reference = str(part.get("$ref", ""))
    if not reference.startswith(_HERE):
        return part
    target = whole["$defs"][reference.removeprefix(_HERE)]
    beside = {key: value for key, value in part.items() if key != "$ref"}
    return resolved({**target, **beside}, whole)
