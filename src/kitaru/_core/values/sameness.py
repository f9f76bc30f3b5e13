"""Whether a value that was read back is the value that was given.

`==` is not enough: it calls `1` and `True` equal, NaN unequal, and objects without an own
`__eq__` only equal to themselves. Here types count, NaN is NaN, and an object is what it
gives to pickle.
"""

from __future__ import annotations

import copyreg
import math
import types
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from kitaru._core.values import exceptions, frames

_EXACT = (int, bool, str, bytes, bytearray, types.CodeType, range, slice)


class IncomparableError(Exception):
    """Nothing can be said about some part of the two values."""


def difference(given: object, again: object) -> str | None:
    """Return which part of a value is another one when it comes back, `None` for no part.

    Raises:
        IncomparableError: If they cannot be compared.
    """
    try:
        return _Comparison().differ(given, again, "")
    except RecursionError as error:
        raise IncomparableError("nested too deeply") from error


class _Comparison:
    """Walks two values side by side; each pair of objects once."""

    def __init__(self) -> None:
        # The objects are kept so that their ids stay their own.
        self._seen: dict[tuple[int, int], tuple[object, object]] = {}

    def differ(self, one: Any, other: Any, path: str) -> str | None:
        if one is other:
            return None
        kind = type(one)
        if type(other) is not kind:
            return f"{_part(path)} a {_name(kind)} comes back as a {_name(type(other))}"
        if kind in _EXACT:
            return None if one == other else _changed(path, kind)
        if kind is float or kind is complex:
            return None if _same_number(one, other) else _changed(path, kind)
        if (id(one), id(other)) in self._seen:
            return None
        self._seen[id(one), id(other)] = one, other
        return self._contents(kind, one, other, path)

    def _contents(self, kind: type, one: Any, other: Any, path: str) -> str | None:
        if kind in (list, tuple):
            return self._items(one, other, path)
        if kind is dict:
            return self._items(list(one.items()), list(other.items()), path)
        if issubclass(kind, set | frozenset):
            return self._set(one, other, path)
        if issubclass(kind, BaseException):
            return self._exception(one, other, path)
        if issubclass(kind, type | types.ModuleType):
            return f"{_part(path)} {one!r} comes back as a copy"
        columns = frames.columns_of(one, other)
        if columns is not None:
            return self._columns(columns, kind, path)
        return self._object(kind, one, other, path)

    def _items(self, one: Any, other: Any, path: str) -> str | None:
        if len(one) != len(other):
            return f"{_part(path)} {len(one)} items come back as {len(other)}"
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            found = self.differ(a, b, f"{path}[{index}]")
            if found is not None:
                return found
        return None

    def _set(self, one: Any, other: Any, path: str) -> str | None:
        if len(one) != len(other):
            return f"{_part(path)} {len(one)} items come back as {len(other)}"
        partners = {item: item for item in other}
        left = [item for item in one if item not in partners]
        found = self._items(
            [item for item in one if item in partners],
            [partners.pop(item) for item in one if item in partners],
            path,
        )
        # What equals nothing else, such as NaN, has its partner somewhere in the rest.
        rest = sorted(partners.values(), key=repr)
        return found or self._items(sorted(left, key=repr), rest, path)

    def _exception(self, one: Any, other: Any, path: str) -> str | None:
        if text_of(one) != text_of(other):
            return f"{_part(path)} a {_name(type(one))} comes back with another message"
        try:
            inner = exceptions.contents(one), exceptions.contents(other)
        # The class may say how it is pickled, in any code.
        except Exception as error:
            raise IncomparableError(f"{_name(type(one))}: {error}") from error
        return self.differ(*inner, path)

    def _columns(
        self, columns: Iterable[tuple[object, object]] | bool, kind: type, path: str
    ) -> str | None:
        if isinstance(columns, bool):
            return None if columns else _changed(path, kind)
        for one, other in columns:
            if self.differ(one, other, path) is not None:
                return _changed(path, kind)
        return None

    def _object(self, kind: type, one: Any, other: Any, path: str) -> str | None:
        inner = _inside(kind, one), _inside(kind, other)
        found = self.differ(*inner, path)
        if found is not None and _calls_equal(kind, one, other):
            return None
        return found


def text_of(error: object) -> str:
    """Return what an exception says, even if its `__str__` is broken."""
    try:
        return str(error)
    # User code: any exception may come out.
    except Exception:  # noqa: BLE001
        return f"<{type(error).__name__} without a readable message>"


def _inside(kind: type, value: Any) -> object:
    """Return what an object is made of, in types that can be compared."""
    if issubclass(kind, BaseModel):
        # What pydantic keeps of a model; slots it does not.
        slots = copyreg._slotnames(kind)  # type: ignore[attr-defined]  # as pickle
        return {name: getattr(value, name, None) for name in ("__dict__", *slots)}
    for types_, parts in _PARTS.items():
        if issubclass(kind, types_):
            return tuple(getattr(value, name) for name in parts)
    if isinstance(value, types.CellType):
        try:
            return value.cell_contents
        except ValueError:
            return "empty"
    reduce = copyreg.dispatch_table.get(kind)
    try:
        reduced = reduce(value) if reduce else value.__reduce_ex__(4)
    # Any code of the value's class runs here.
    except Exception as error:
        raise IncomparableError(f"{_name(kind)}: {error}") from error
    if isinstance(reduced, str):
        return reduced
    whole: tuple[Any, ...] = (*reduced, None, None, None)
    make, given, state, items, pairs, *_ = whole
    return make, given, state, _listed(items), _listed(pairs)


_PARTS: dict[type, tuple[str, ...]] = {
    types.FunctionType: (
        *("__code__", "__defaults__", "__kwdefaults__", "__dict__"),
        *("__name__", "__qualname__", "__closure__"),
    ),
    types.MethodType: ("__func__", "__self__"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
}


def _listed(items: Any) -> object:
    return None if items is None else list(items)


def _calls_equal(kind: type, one: object, other: object) -> bool:
    """Whether a class with an own idea of equality, written in Python, says so."""
    if issubclass(kind, BaseModel) or not isinstance(kind.__eq__, types.FunctionType):
        return False
    try:
        return (one == other) is True
    # Any code of the value's class runs here.
    except Exception:  # noqa: BLE001
        return False


def _same_number(one: complex, other: complex) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return _same_float(one, other)
    return _same_float(one.real, other.real) and _same_float(one.imag, other.imag)


def _same_float(one: float, other: float) -> bool:
    if one != one or other != other:
        return one != one and other != other
    return one == other and math.copysign(1, one) == math.copysign(1, other)


def _name(kind: type) -> str:
    module = kind.__module__
    return (
        kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    )


def _part(path: str) -> str:
    return f"at {path}," if path else "it is changed:"


def _changed(path: str, kind: type) -> str:
    return f"{_part(path)} a {_name(kind)} comes back with other contents"
