"""JSON trees that keep Python types.

Plain JSON data stays as it is. Everything else becomes `{"~": kind, "v": …}`. An object
that occurs twice, or within itself, is written once, as `shared`; other places name it as
`same`.
"""

from __future__ import annotations

import base64
import copyreg
import dataclasses
import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag
from functools import cache, cached_property, reduce
from operator import or_
from pathlib import Path, PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel

from kitaru._core import sources
from kitaru._core.values import arrays, pickling

TAG = "~"
# Python refuses to turn longer integers into decimal digits (`sys.set_int_max_str_digits`).
MAX_PLAIN_BITS = 8192
Tree = Any  # a JSON value; a recursive alias costs mypy more than it gives here
# Told what is about to run code of the value's; raises to refuse it.
Permit = Callable[[str], None]
_AS_IS = frozenset([str, bool, NoneType])


def anything(what: str) -> None:
    """Refuse nothing: a `Permit` for values that this process wrote itself."""


class UntaggableError(Exception):
    """The value holds something that has no tagged form."""


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """A value as JSON data.

    Args:
        tree: The data.
        is_plain: Whether it needed no tags.
        is_sure: Whether reading it is known to give the same value. Where it is not, a
            class has a say in how its values are made, and it has to be tried.
    """

    tree: Tree
    is_plain: bool
    is_sure: bool


def to_tree(value: object) -> Written:
    """Return the value as JSON data.

    Raises:
        UntaggableError: If some part of it has no tagged form.
    """
    writer = _Writer()
    tree = writer.write(value)
    if writer.repeated:
        sharing = _SharingWriter(writer.repeated)
        return Written(sharing.write(value), is_plain=False, is_sure=False)
    return Written(tree, is_plain=not writer.tagged, is_sure=writer.sure)


def to_canonical_tree(value: object) -> Tree:
    """Return JSON data that is equal for equal values; not meant to be read back.

    Raises:
        UntaggableError: If some part of it has no tagged form.
    """
    return _Writer(canonical=True).write(value)


def from_tree(tree: Tree, permit: Permit) -> object:
    """Return the value written by `to_tree`.

    Args:
        tree: JSON data.
        permit: Asked before a class is looked up, which may import a module.
    """
    return Reader(permit).read(tree)


class _Writer:
    """Walks one value; remembers whether a tag was needed.

    The canonical form leaves out what equality ignores: the order of a dict, which
    fields of a model were given, and whether two parts are one object.
    """

    def __init__(self, *, canonical: bool = False) -> None:
        self.tagged = False
        self.sure = True
        self.repeated: set[int] = set()
        self._canonical = canonical
        self._met: set[int] = set()

    def write(self, value: Any) -> Tree:
        kind = type(value)
        if kind in _AS_IS:
            return value
        if kind is int:
            short = value.bit_length() <= MAX_PLAIN_BITS
            return value if short else self._tag("int", hex(value))
        if kind is float:
            return value if value - value == 0 else self._tag("float", repr(value))
        if kind is list:
            if self._is_met(value):
                return None
            write = self.write
            return [x if type(x) in _AS_IS else write(x) for x in value]
        if kind is dict:
            return None if self._is_met(value) else self._dict(value)
        self.tagged = True
        return self._tagged(kind, value)

    def _tagged(self, kind: type, value: Any) -> Tree:
        if kind is datetime or kind is time:
            return {TAG: kind.__name__, **_clock(value)}
        if kind in (set, bytearray) and self._is_met(value):
            return None
        if kind in _SCALARS:
            return {TAG: kind.__name__, "v": _SCALARS[kind](value)}
        if kind in (tuple, set, frozenset):
            return self._collection(kind, value)
        return self._instance(kind, value)

    def _is_met(self, value: Any) -> bool:
        """Whether an object that can change was written before."""
        if self._canonical:
            return False
        address = id(value)
        if address in self._met:
            self.repeated.add(address)
            return True
        self._met.add(address)
        return False

    def _tag(self, kind: str, value: Tree) -> Tree:
        self.tagged = True
        return {TAG: kind, "v": value}

    def _dict(self, value: dict[Any, Any]) -> Tree:
        write = self.write
        if TAG not in value and all(type(key) is str for key in value):
            return {
                key: x if type(x) in _AS_IS else write(x) for key, x in value.items()
            }
        pairs = [[write(key), write(item)] for key, item in value.items()]
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
        write = _WRITERS.get(_family(kind))
        if write is not None:
            return write(self, kind, value)
        if arrays.is_single(value):
            return self._number(value)
        raise UntaggableError(kind.__qualname__)

    def enum(self, kind: Any, value: Enum) -> Tree:
        # A member that `_missing_` made up cannot be found again by its name.
        if kind._member_map_.get(value.name) is not value:
            raise UntaggableError(kind.__qualname__)
        return {TAG: "enum", "c": _reference(kind), "v": value.name}

    def dataclass(self, kind: type, value: Any) -> Tree:
        reference = _reference(kind)
        if self._is_met(value):
            return None
        return {TAG: "data", "c": reference, "v": self._fields(_attributes(value))}

    def named_tuple(self, kind: type, value: Any) -> Tree:
        if getattr(value, "__dict__", None):
            raise UntaggableError(kind.__qualname__)
        items = [self.write(item) for item in value]
        return {TAG: "named", "c": _reference(kind), "v": items}

    def flag(self, kind: Any, value: Flag) -> Tree:
        # A combination of flags is no member, so it has no name to find it by.
        reference = _reference(kind)
        if kind(value.value) != value:
            raise UntaggableError(kind.__qualname__)
        return {TAG: "flag", "c": reference, "v": value.value}

    def _number(self, value: Any) -> Tree:
        self.sure = self.sure and arrays.is_plain(value)
        tag = "scalar" if arrays.is_scalar(value) else "array"
        if tag == "array" and self._is_met(value):
            return None
        return {TAG: tag, "v": base64.b64encode(arrays.write(value)).decode()}

    def _fields(self, state: dict[str, Any]) -> Tree:
        write = self.write
        return {
            name: item if type(item) in _AS_IS else write(item)
            for name, item in state.items()
        }

    def model(self, kind: type[BaseModel], value: BaseModel) -> Tree:
        reference = _reference(kind)
        if self._is_met(value):
            return None
        if not _is_plain_model(kind):
            self.sure = False
        extra, private = value.__pydantic_extra__, value.__pydantic_private__
        given = [] if self._canonical else sorted(value.model_fields_set)
        state = {
            "fields": self._fields(_without_cached(kind, value.__dict__)),
            "set": given,
            "extra": None if extra is None else self._fields(extra),
            "private": None if private is None else self._fields(private),
        }
        return {TAG: "model", "c": reference, "v": state}


class _SharingWriter(_Writer):
    """Writes objects that occur more than once by number."""

    def __init__(self, repeated: set[int]) -> None:
        super().__init__()
        self._shared = repeated
        self._numbers: dict[int, int] = {}

    def write(self, value: Any) -> Tree:
        address = id(value)
        if address not in self._shared:
            return super().write(value)
        if address in self._numbers:
            return {TAG: "same", "n": self._numbers[address]}
        number = self._numbers[address] = len(self._numbers)
        return {TAG: "shared", "n": number, "v": super().write(value)}


def _in_fixed_order(tree: Tree) -> str:
    return json.dumps(tree, ensure_ascii=False, sort_keys=True)


def _attributes(value: object) -> dict[str, Any]:
    """Return what an object holds: its fields and what else was assigned to it."""
    state = object.__getstate__(value)
    in_dict, in_slots = state if isinstance(state, tuple) else (state, None)
    return _without_cached(type(value), {**(in_dict or {}), **(in_slots or {})})


def _without_cached(kind: type, state: dict[str, Any]) -> dict[str, Any]:
    """Leave out cached properties: they come back by themselves."""
    cached = _cached_properties(kind)
    if not cached:
        return state
    return {name: item for name, item in state.items() if name not in cached}


@cache
def _cached_properties(kind: type) -> frozenset[str]:
    return frozenset(
        name
        for base in kind.__mro__
        for name in vars(base)
        # Looked at without asking the class: pydantic warns of some names.
        if isinstance(inspect.getattr_static(kind, name, None), cached_property)
    )


@cache
def _family(kind: type) -> str:
    """Return which of the known sorts of classes a class is of, if it is of one."""
    if issubclass(kind, Enum):
        return "flag" if issubclass(kind, Flag) else "enum"
    if issubclass(kind, BaseModel):
        return "model"
    if dataclasses.is_dataclass(kind) and kind.__new__ is object.__new__:
        return "data"
    return "named" if issubclass(kind, tuple) and hasattr(kind, "_fields") else ""


_WRITERS: dict[str, Callable[[_Writer, Any, Any], Tree]] = {
    "flag": _Writer.flag,
    "enum": _Writer.enum,
    "model": _Writer.model,
    "data": _Writer.dataclass,
    "named": _Writer.named_tuple,
}


def _clock(value: datetime | time) -> dict[str, Tree]:
    """Write a time; its zone by name, as an offset knows no daylight saving."""
    zone = value.tzinfo
    written: dict[str, Tree] = {"v": value.isoformat()}
    if type(zone) is ZoneInfo and zone.key and _is_found_again(zone):
        written = {"v": value.replace(tzinfo=None).isoformat(), "zone": zone.key}
    elif type(zone) is timezone and zone.tzname(None) != timezone(_offset(zone)).tzname(
        None
    ):
        written["named"] = zone.tzname(None)
    elif zone is not None and type(zone) is not timezone:
        raise UntaggableError(type(zone).__qualname__)
    return written | ({"fold": 1} if value.fold else {})


def _is_found_again(zone: ZoneInfo) -> bool:
    """Whether its name gives a zone; one read from a file may have any name."""
    try:
        return ZoneInfo(zone.key) is zone
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False


def _offset(zone: timezone) -> timedelta:
    return zone.utcoffset(None)


def _read_clock(kind: Any, tree: Tree) -> object:
    value = kind.fromisoformat(tree["v"])
    if "zone" in tree:
        value = value.replace(tzinfo=ZoneInfo(tree["zone"]))
    if "named" in tree:
        value = value.replace(tzinfo=timezone(value.utcoffset(), tree["named"]))
    return value.replace(fold=tree.get("fold", 0))


@cache
def _is_plain_model(kind: type[BaseModel]) -> bool:
    """Whether a model is nothing but what pydantic keeps of it."""
    slots: list[str] = copyreg._slotnames(kind)  # type: ignore[attr-defined]  # as pickle
    of_pydantic: list[str] = copyreg._slotnames(BaseModel)  # type: ignore[attr-defined]  # as pickle
    return kind.__new__ is object.__new__ and set(slots) <= set(of_pydantic)


# -- classes by name ----------------------------------------------------------------


@cache
def _reference(kind: type) -> Tree:
    """Return how a class can be found again: `module:qualname`, and its arguments."""
    parts = pickling.type_arguments(kind)
    if parts is None:
        reference: Tree = _name_of(kind)
    else:
        origin, arguments = parts
        reference = {"of": _name_of(origin), "args": [_of_type(a) for a in arguments]}
    try:
        found = _class(reference)
    except (ImportError, AttributeError, TypeError):
        found = None
    if found is not kind:
        raise UntaggableError(kind.__qualname__)
    return reference


def _name_of(kind: type) -> str:
    return f"{sources.stable_module(kind.__module__)}:{kind.__qualname__}"


def _of_type(argument: Any) -> Tree:
    """Return the argument of a generic class as JSON data."""
    if argument is None or argument is type(None):
        return None
    origin, arguments = get_origin(argument), get_args(argument)
    if origin is None and isinstance(argument, type):
        return _reference(argument)
    if origin is Literal:
        return {"literal": [to_tree(item).tree for item in arguments]}
    if origin in (Union, UnionType):
        return {"union": [_of_type(a) for a in arguments]}
    if isinstance(origin, type):
        return {"of": _reference(origin), "args": [_of_type(a) for a in arguments]}
    raise UntaggableError(repr(argument))


def _type_of(tree: Tree) -> Any:
    if tree is None:
        return None
    if isinstance(tree, dict) and "literal" in tree:
        return Literal[tuple(from_tree(item, anything) for item in tree["literal"])]
    if isinstance(tree, dict) and "union" in tree:
        return reduce(or_, [_type_of(item) for item in tree["union"]])
    return _class(tree)


def _class(reference: Tree) -> Any:
    if isinstance(reference, dict):
        arguments = tuple(_type_of(item) for item in reference["args"])
        return pickling.parametrised(_class(reference["of"]), arguments)
    known = sources.known_class(reference)
    if known is not None:
        return known
    module_name, _, qualname = reference.partition(":")
    found: Any = importlib.import_module(module_name)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def _shown(reference: Tree) -> str:
    name: str = reference["of"] if isinstance(reference, dict) else reference
    return name.replace(":", ".")


# -- reading ------------------------------------------------------------------------


class Reader:
    """Builds one value."""

    def __init__(self, permit: Permit) -> None:
        self._permit = permit
        self._shared: dict[int, object] = {}
        self._number: int | None = None

    def read(self, tree: Tree) -> Any:
        if isinstance(tree, list):
            return [self.read(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        if TAG not in tree:
            return {key: self.read(item) for key, item in tree.items()}
        return _READERS[tree[TAG]](self, tree)

    def items(self, tree: Tree) -> list[Any]:
        return [self.read(item) for item in tree["v"]]

    def same(self, tree: Tree) -> object:
        return self._shared[tree["n"]]

    def shared(self, tree: Tree) -> object:
        """Make an object known before its contents are read, which may name it."""
        inner = tree["v"]
        self._number = tree["n"]
        if isinstance(inner, list):
            items: list[object] = self._made([])
            items.extend(self.read(item) for item in inner)
            return items
        if TAG not in inner:
            pairs: dict[str, object] = self._made({})
            for key, item in inner.items():
                pairs[key] = self.read(item)
            return pairs
        return self.read(inner)

    def _made(self, value: Any) -> Any:
        if self._number is not None:
            self._shared[self._number], self._number = value, None
        return value

    def dict(self, tree: Tree) -> object:
        pairs = self._made({})
        for key, item in tree["v"]:
            pairs[self.read(key)] = self.read(item)
        return pairs

    def set(self, tree: Tree) -> object:
        found = self._made(set())
        found.update(self.items(tree))
        return found

    def bytearray(self, tree: Tree) -> object:
        return self._made(bytearray(base64.b64decode(tree["v"])))

    def array(self, tree: Tree) -> object:
        return self._made(arrays.read(base64.b64decode(tree["v"])))

    def typed(self, tree: Tree, base: type) -> Any:
        """Return the class that a value names."""
        self._permit(f"building a {_shown(tree['c'])}")
        kind = _class(tree["c"])
        if not (isinstance(kind, type) and issubclass(kind, base)):
            raise TypeError(f"{_shown(tree['c'])} is not a {base.__name__}")
        return kind

    def model(self, tree: Tree) -> object:
        kind = self.typed(tree, BaseModel)
        state = tree["v"]
        model = self._made(kind.__new__(kind))
        # What unpickling does: no validators, aliases or `model_post_init` a second time.
        BaseModel.__setstate__(
            model,
            {
                "__dict__": self._fields(state["fields"]),
                "__pydantic_fields_set__": {*state["set"]},
                "__pydantic_extra__": self._fields(state["extra"]),
                "__pydantic_private__": self._fields(state["private"]),
            },
        )
        return model

    def dataclass(self, tree: Tree) -> object:
        kind: Any = self.typed(tree, object)
        if not dataclasses.is_dataclass(kind):
            raise TypeError(f"{tree['c']} is not a dataclass")
        value = self._made(object.__new__(kind))  # type: ignore[arg-type]  # a dataclass
        for field in dataclasses.fields(kind):
            # Added to the class after the value was stored.
            if field.name not in tree["v"] and callable(field.default_factory):
                object.__setattr__(value, field.name, field.default_factory())
        slots: list[str] = copyreg._slotnames(kind)  # type: ignore[attr-defined]  # as pickle
        attributes = getattr(value, "__dict__", None)
        for name, item in tree["v"].items():
            # Past the class: frozen ones refuse, and properties do something else.
            if attributes is None or name in slots:
                object.__setattr__(value, name, self.read(item))
            else:
                attributes[name] = self.read(item)
        return value

    def _fields(self, state: Mapping[str, Tree] | None) -> Mapping[str, Any] | None:
        if state is None:
            return None
        return {name: self.read(item) for name, item in state.items()}


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

_READERS: dict[str, Callable[[Reader, Tree], object]] = {
    "float": lambda r, t: float(t["v"]),
    "int": lambda r, t: int(t["v"], 16),
    "dict": Reader.dict,
    "tuple": lambda r, t: tuple(r.items(t)),
    "set": Reader.set,
    "frozenset": lambda r, t: frozenset(r.items(t)),
    "bytes": lambda r, t: base64.b64decode(t["v"]),
    "bytearray": Reader.bytearray,
    "datetime": lambda r, t: _read_clock(datetime, t),
    "date": lambda r, t: date.fromisoformat(t["v"]),
    "time": lambda r, t: _read_clock(time, t),
    "timedelta": lambda r, t: timedelta(*t["v"]),
    "Decimal": lambda r, t: Decimal(t["v"]),
    "UUID": lambda r, t: UUID(t["v"]),
    "complex": lambda r, t: complex(*t["v"]),
    "PosixPath": lambda r, t: Path(t["v"]),
    "WindowsPath": lambda r, t: Path(t["v"]),
    "PurePosixPath": lambda r, t: PurePosixPath(t["v"]),
    "PureWindowsPath": lambda r, t: PureWindowsPath(t["v"]),
    "scalar": lambda r, t: arrays.read(base64.b64decode(t["v"]))[()],
    "array": Reader.array,
    "enum": lambda r, t: r.typed(t, Enum)[t["v"]],
    "flag": lambda r, t: r.typed(t, Flag)(t["v"]),
    "model": Reader.model,
    "data": Reader.dataclass,
    # Past a `__new__` of the user's, which may take other arguments.
    "named": lambda r, t: tuple.__new__(r.typed(t, tuple), r.items(t)),
    "shared": Reader.shared,
    "same": Reader.same,
}
