"""Stored values as JSON data, for people who look: no code of theirs runs."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import to_jsonable_python

from kitaru._core.values.tagging import TAG, Reader, Tree, UntaggableError, anything

_READABLE = ("json", "tagged", "text")


def of(serializer: str, payload: bytes) -> Any:
    """Return what was stored as JSON data: models as their fields, dates as text.

    Raises:
        UntaggableError: If that needs code of the value's, or makes no sense: of
            pickles, bytes, arrays, data frames, files.
    """
    if serializer not in _READABLE:
        raise UntaggableError(serializer)
    if serializer == "text":
        return payload.decode()
    tree = json.loads(payload)
    value = tree if serializer == "json" else _PlainReader(anything).read(tree)
    try:
        return to_jsonable_python(value, bytes_mode="base64", fallback=repr)
    except ValueError as error:
        # It contains itself.
        raise UntaggableError(str(error)) from error


class _PlainReader(Reader):
    """Builds the contents of a value without its classes."""

    def read(self, tree: Tree) -> Any:
        kind = tree.get(TAG) if isinstance(tree, dict) else None
        if kind == "model":
            return self._pairs({**tree["v"]["fields"], **(tree["v"]["extra"] or {})})
        if kind == "data":
            return self._pairs(tree["v"])
        if kind == "named":
            return self._made(self.items(tree))
        if kind in ("enum", "flag"):
            return self._made(tree["v"])
        if kind in ("array", "scalar"):
            return self._made(f"<{kind}>")
        if kind == "dict":
            return {str(self.read(key)): self.read(item) for key, item in tree["v"]}
        return super().read(tree)

    def _pairs(self, trees: dict[str, Tree]) -> dict[str, Any]:
        pairs: dict[str, Any] = self._made({})
        for name, item in trees.items():
            pairs[name] = self.read(item)
        return pairs
