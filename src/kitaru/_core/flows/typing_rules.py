"""The annotations of users' functions, one by one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Unpack, get_args, get_origin, get_type_hints

import typing_extensions

RETURN = "return"


def hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a function that can be read, `"return"` among them.

    One that names what is not there, such as what only type checkers import, is left
    out; it does not hide the others.
    """
    plain = inspect.unwrap(function)
    found: dict[str, Any] = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        holder = SimpleNamespace(__annotations__={name: annotation})
        try:
            found |= get_type_hints(
                holder, plain.__globals__, _local_names(plain), include_extras=True
            )
        # An annotation is an expression, and may raise anything.
        except Exception:  # noqa: BLE001
            continue
    return found


def of_keywords(hint: Any) -> Mapping[str, Any] | None:
    """Return the annotations of `**options: Unpack[Options]` by name, if it is that."""
    if get_origin(hint) not in (Unpack, typing_extensions.Unpack):
        return None
    (inner,) = get_args(hint)
    if not typing_extensions.is_typeddict(inner):
        return None
    return get_type_hints(inner, include_extras=True)


def _local_names(function: Any) -> dict[str, Any]:
    """Return what a function sees beside the globals of its module."""
    names = {
        found.__name__: found for found in getattr(function, "__type_params__", ())
    }
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    for name, cell in cells:
        try:
            names[name] = cell.cell_contents
        except ValueError:
            continue  # Not assigned yet.
    return names
