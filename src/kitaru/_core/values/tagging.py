"""JSON trees that keep Python types.

Plain JSON data stays as it is. Everything else becomes `{"~": kind, "v": …}`.
"""

from __future__ import annotations

import base64
import dataclasses
import importlib
import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag
from functools import cache, cached_property
from pathlib import Path, PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from kitaru._core import sources

TAG = "~"
# Python refuses to turn longer integers into decimal digits (`sys.set_int_max_str_digits`).
MAX_PLAIN_BITS = 8192
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


def to_canonical_tree(value: object) -> Tree:
    """Return JSON data that is equal for equal values; not meant to be read back.

    Raises:
        UntaggableError: If some part of it has no tagged form.
    """
    return _Writer(canonical=True).write(value)


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
    """Walks one value; remembers whether a tag was needed.

    The canonical form leaves out what equality ignores: the order of a dict, and which
    fields of a model were given.
    """

    def __init__(self, *, canonical: bool = False) -> None:
        self.tagged = False
        self._canonical = canonical

    def write(self, value: Any) -> Tree:
        kind = type(value)
        if kind in (str, bool) or value is None:
            return value
        if kind is int:
            short = value.bit_length() <= MAX_PLAIN_BITS
            return value if short else self._tag("int", hex(value))
        if kind is float:
            return value if value - value == 0 else self._tag("float", repr(value))
        if kind is list:
            return [self.write(item) for item in value]
        if kind is dict:
            return self._dict(value)
        self.tagged = True
        if kind in (datetime, time):
            return {TAG: kind.__name__, **_clock(value)}
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
        if self._canonical:
            pairs.sort(key=_in_fixed_order)
        return self._tag("dict", pairs)

    def _collection(self, kind: type, value: Any) -> Tree:
        items = [self.write(item) for item in value]
        if kind is not tuple:
            # Sets have no order; a fixed one makes equal sets equal bytes.
            items.sort(key=_in_fixed_order)
        return {TAG: kind.__name__, "v": items}

    def _instance(self, kind: type, value: Any) -> Tree:
        reference = _reference(kind)
        if isinstance(value, Flag):
            # A combination of flags is no member, so it has no name to find it by.
            return {TAG: "flag", "c": reference, "v": value.value}
        if isinstance(value, Enum):
            return {TAG: "enum", "c": reference, "v": value.name}
        if isinstance(value, BaseModel):
            return {TAG: "model", "c": reference, "v": self._model(value)}
        if dataclasses.is_dataclass(kind) and kind.__new__ is object.__new__:
            return {TAG: "data", "c": reference, "v": self._fields(_attributes(value))}
        if _is_named_tuple(kind, value):
            return {TAG: "named", "c": reference, "v": [self.write(v) for v in value]}
        raise UntaggableError(kind.__qualname__)

    def _fields(self, state: dict[str, Any]) -> Tree:
        return {name: self.write(item) for name, item in state.items()}

    def _model(self, value: BaseModel) -> Tree:
        extra, private = value.__pydantic_extra__, value.__pydantic_private__
        given = [] if self._canonical else sorted(value.model_fields_set)
        return {
            "fields": self._fields(_without_cached(type(value), value.__dict__)),
            "set": given,
            "extra": None if extra is None else self._fields(extra),
            "private": None if private is None else self._fields(private),
        }


def _in_fixed_order(tree: Tree) -> str:
    return json.dumps(tree, ensure_ascii=False, sort_keys=True)


def _attributes(value: object) -> dict[str, Any]:
    """Return what an object holds: its fields and what else was assigned to it."""
    state = object.__getstate__(value)
    in_dict, in_slots = state if isinstance(state, tuple) else (state, None)
    return _without_cached(type(value), {**(in_dict or {}), **(in_slots or {})})


def _without_cached(kind: type, state: dict[str, Any]) -> dict[str, Any]:
    """Leave out cached properties: they come back by themselves."""
    return {
        name: item
        for name, item in state.items()
        if not isinstance(getattr(kind, name, None), cached_property)
    }


def _is_named_tuple(kind: type, value: object) -> bool:
    plain = isinstance(value, tuple) and hasattr(kind, "_fields")
    return plain and not getattr(value, "__dict__", None)


def _clock(value: datetime | time) -> dict[str, Tree]:
    """Write a time; its zone by name, as an offset knows no daylight saving."""
    zone = value.tzinfo
    written: dict[str, Tree] = {"v": value.isoformat()}
    if type(zone) is ZoneInfo and zone.key:
        written = {"v": value.replace(tzinfo=None).isoformat(), "zone": zone.key}
    elif zone is not None and type(zone) is not timezone:
        raise UntaggableError(type(zone).__qualname__)
    return written | ({"fold": 1} if value.fold else {})


def _read_clock(kind: Any, tree: Tree) -> object:
    value = kind.fromisoformat(tree["v"])
    if "zone" in tree:
        value = value.replace(tzinfo=ZoneInfo(tree["zone"]))
    return value.replace(fold=tree.get("fold", 0))


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
    model = kind.__new__(kind)
    # What unpickling does: no validators, aliases or `model_post_init` a second time.
    BaseModel.__setstate__(
        model,
        {
            "__dict__": _read_fields(state["fields"]),
            "__pydantic_fields_set__": set(state["set"]),
            "__pydantic_extra__": _read_fields(state["extra"]),
            "__pydantic_private__": _read_fields(state["private"]),
        },
    )
    return model


def _read_dataclass(tree: Tree) -> object:
    kind: Any = _class(tree["c"])
    if not dataclasses.is_dataclass(kind):
        raise TypeError(f"{tree['c']} is not a dataclass")
    value: object = object.__new__(kind)  # type: ignore[arg-type]  # a dataclass
    for field in dataclasses.fields(kind):
        # Added to the class after the value was stored.
        if field.name not in tree["v"] and callable(field.default_factory):
            object.__setattr__(value, field.name, field.default_factory())
    for name, item in tree["v"].items():
        # Frozen dataclasses refuse plain assignment.
        object.__setattr__(value, name, from_tree(item))
    return value


def _read_fields(state: dict[str, Tree] | None) -> dict[str, object] | None:
    if state is None:
        return None
    return {name: from_tree(item) for name, item in state.items()}


def _read_named_tuple(tree: Tree) -> object:
    # Past a `__new__` of the user's, which may take other arguments.
    return tuple.__new__(_typed_class(tree, tuple), _items(tree))


def _items(tree: Tree) -> list[object]:
    return [from_tree(item) for item in tree["v"]]


_SCALARS: dict[type, Callable[[Any], Tree]] = {
    bytes: lambda v: base64.b64encode(v).decode(),
    bytearray: lambda v: base64.b64encode(v).decode(),
    date: date.isoformat,
    timedelta: lambda v: [v.days, v.seconds, v.microseconds],
    Decimal: str,
    UUID: str,
    complex: lambda v: [v.real, v.imag],
    PosixPath: str,
    WindowsPath: str,
    PurePosixPath: str,
    PureWindowsPath: str,
}

_READERS: dict[str, Callable[[Tree], object]] = {
    "float": lambda t: float(t["v"]),
    "int": lambda t: int(t["v"], 16),
    "dict": lambda t: {from_tree(k): from_tree(v) for k, v in t["v"]},
    "tuple": lambda t: tuple(_items(t)),
    "set": lambda t: set(_items(t)),
    "frozenset": lambda t: frozenset(_items(t)),
    "bytes": lambda t: base64.b64decode(t["v"]),
    "bytearray": lambda t: bytearray(base64.b64decode(t["v"])),
    "datetime": lambda t: _read_clock(datetime, t),
    "date": lambda t: date.fromisoformat(t["v"]),
    "time": lambda t: _read_clock(time, t),
    "timedelta": lambda t: timedelta(*t["v"]),
    "Decimal": lambda t: Decimal(t["v"]),
    "UUID": lambda t: UUID(t["v"]),
    "complex": lambda t: complex(*t["v"]),
    "PosixPath": lambda t: Path(t["v"]),
    "WindowsPath": lambda t: Path(t["v"]),
    "PurePosixPath": lambda t: PurePosixPath(t["v"]),
    "PureWindowsPath": lambda t: PureWindowsPath(t["v"]),
    "enum": lambda t: _typed_class(t, Enum)[t["v"]],
    "flag": lambda t: _typed_class(t, Flag)(t["v"]),
    "model": _read_model,
    "data": _read_dataclass,
    "named": _read_named_tuple,
}
