"""JSON trees that keep Python types.

Plain JSON data stays as it is. Everything else becomes `{"~": kind, "v": …}`.
"""

from __future__ import annotations

import base64
import dataclasses
import importlib
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from kitaru._core import sources

TAG = "~"
Tree = Any  # a JSON value; a recursive alias costs mypy more than it gives here


class UntaggableError(Exception):
    """The value holds something that has no tagged form."""


def to_tree(value: object) -> tuple[Tree, bool]:
    """Return the value as JSON data, and whether it needed no tags.

    Raises:
        UntaggableError: If some part of it has no tagged form.
    """
    writer = _Writer()
    tree = writer.write(value)
    return tree, not writer.tagged


def from_tree(tree: Tree) -> object:
    """Return the value written by `to_tree`."""
    if isinstance(tree, list):
        return [from_tree(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if TAG not in tree:
        return {key: from_tree(item) for key, item in tree.items()}
    return _READERS[tree[TAG]](tree)


class _Writer:
    """Walks one value; remembers whether a tag was needed."""

    def __init__(self) -> None:
        self.tagged = False

    def write(self, value: Any) -> Tree:
        kind = type(value)
        if kind in (str, int, bool) or value is None:
            return value
        if kind is float:
            return value if value - value == 0 else self._tag("float", repr(value))
        if kind is list:
            return [self.write(item) for item in value]
        if kind is dict:
            return self._dict(value)
        self.tagged = True
        if kind in _SCALARS:
            return {TAG: kind.__name__, "v": _SCALARS[kind](value)}
        if kind in (tuple, set, frozenset):
            return self._collection(kind, value)
        return self._instance(kind, value)

    def _tag(self, kind: str, value: Tree) -> Tree:
        self.tagged = True
        return {TAG: kind, "v": value}

    def _dict(self, value: dict[Any, Any]) -> Tree:
        if TAG not in value and all(type(key) is str for key in value):
            return {key: self.write(item) for key, item in value.items()}
        pairs = [[self.write(key), self.write(item)] for key, item in value.items()]
        return self._tag("dict", pairs)

    def _collection(self, kind: type, value: Any) -> Tree:
        items = [self.write(item) for item in value]
        if kind is not tuple:
            # Sets have no order; a fixed one makes equal sets equal bytes.
            items.sort(key=repr)
        return {TAG: kind.__name__, "v": items}

    def _instance(self, kind: type, value: Any) -> Tree:
        if isinstance(value, PurePath):
            return {TAG: "path", "v": str(value)}
        reference = _reference(kind)
        if isinstance(value, Enum):
            return {TAG: "enum", "c": reference, "v": value.name}
        if isinstance(value, BaseModel):
            return {TAG: "model", "c": reference, "v": self._model(value)}
        if dataclasses.is_dataclass(value):
            state = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
            return {TAG: "data", "c": reference, "v": self._fields(state)}
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return {TAG: "named", "c": reference, "v": [self.write(v) for v in value]}
        raise UntaggableError(kind.__qualname__)

    def _fields(self, state: dict[str, Any]) -> Tree:
        return {name: self.write(item) for name, item in state.items()}

    def _model(self, value: BaseModel) -> Tree:
        return {
            "fields": self._fields(value.__dict__),
            "set": sorted(value.model_fields_set),
            "extra": self._fields(value.__pydantic_extra__ or {}),
            "private": self._fields(dict(value.__pydantic_private__ or {})),
        }


@cache
def _reference(kind: type) -> str:
    """Return `module:qualname` of a class that can be found again by that name."""
    reference = f"{sources.stable_module(kind.__module__)}:{kind.__qualname__}"
    try:
        found = _class(reference)
    except (ImportError, AttributeError):
        found = None
    if found is not kind:
        raise UntaggableError(kind.__qualname__)
    return reference


def _class(reference: str) -> Any:
    module_name, _, qualname = reference.partition(":")
    found: Any = sources.loaded_module(module_name)
    if found is None:
        found = importlib.import_module(module_name)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def _typed_class(tree: Tree, base: type) -> Any:
    kind = _class(tree["c"])
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise TypeError(f"{tree['c']} is not a {base.__name__}")
    return kind


def _read_model(tree: Tree) -> object:
    kind = _typed_class(tree, BaseModel)
    state = tree["v"]
    model = kind.model_construct(
        _fields_set=set(state["set"]),
        **{name: from_tree(item) for name, item in state["fields"].items()},
    )
    if state["extra"]:
        extra = {name: from_tree(item) for name, item in state["extra"].items()}
        object.__setattr__(model, "__pydantic_extra__", extra)
    for name, item in state["private"].items():
        setattr(model, name, from_tree(item))
    return model


def _read_dataclass(tree: Tree) -> object:
    kind: Any = _class(tree["c"])
    if not dataclasses.is_dataclass(kind):
        raise TypeError(f"{tree['c']} is not a dataclass")
    value: object = object.__new__(kind)  # type: ignore[arg-type]  # a dataclass
    for name, item in tree["v"].items():
        # Frozen dataclasses refuse plain assignment.
        object.__setattr__(value, name, from_tree(item))
    return value


def _items(tree: Tree) -> list[object]:
    return [from_tree(item) for item in tree["v"]]


_SCALARS: dict[type, Callable[[Any], Tree]] = {
    bytes: lambda v: base64.b64encode(v).decode(),
    bytearray: lambda v: base64.b64encode(v).decode(),
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: lambda v: [v.days, v.seconds, v.microseconds],
    Decimal: str,
    UUID: str,
    complex: lambda v: [v.real, v.imag],
}

_READERS: dict[str, Callable[[Tree], object]] = {
    "float": lambda t: float(t["v"]),
    "dict": lambda t: {from_tree(k): from_tree(v) for k, v in t["v"]},
    "tuple": lambda t: tuple(_items(t)),
    "set": lambda t: set(_items(t)),
    "frozenset": lambda t: frozenset(_items(t)),
    "bytes": lambda t: base64.b64decode(t["v"]),
    "bytearray": lambda t: bytearray(base64.b64decode(t["v"])),
    "datetime": lambda t: datetime.fromisoformat(t["v"]),
    "date": lambda t: date.fromisoformat(t["v"]),
    "time": lambda t: time.fromisoformat(t["v"]),
    "timedelta": lambda t: timedelta(*t["v"]),
    "Decimal": lambda t: Decimal(t["v"]),
    "UUID": lambda t: UUID(t["v"]),
    "complex": lambda t: complex(*t["v"]),
    "path": lambda t: Path(t["v"]),
    "enum": lambda t: _typed_class(t, Enum)[t["v"]],
    "model": _read_model,
    "data": _read_dataclass,
    "named": lambda t: _typed_class(t, tuple)(*_items(t)),
}
