"""Pickles in which classes keep their identity and exceptions all that they hold.

A script's classes belong to `__main__` while it runs and to a module named after its file
when another process loads it. cloudpickle would copy such a class, and a copy is no longer
the same class for `isinstance` and `except`. Here they are looked up by their stable name,
and copied only where there is none; one copy serves the whole process. A generic model with
arguments is made from the model and the arguments. Exceptions are taken apart, see
`exceptions`.
"""

from __future__ import annotations

import dataclasses
import importlib
import io
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kitaru._core import sources
from kitaru._core.values import exceptions

# Of dataclasses, which cloudpickle copies: a copied class would take them for defaults.
_SENTINELS = {
    type(dataclasses.MISSING): "MISSING",
    type(dataclasses.KW_ONLY): "KW_ONLY",
}
# Copies of classes that are being filled.
_unfinished: set[type] = set()


def dumps(value: object) -> bytes:
    """Return a pickle of anything cloudpickle takes.

    Raises:
        Exception: Whatever the parts of `value` raise while they are pickled.
    """
    try:
        return _dumps(value, copies=True)
    # A method of a script's class may name what cannot be pickled, such as a lock of the
    # script; where the script is loaded nobody needs the copy.
    except Exception:
        with suppress(Exception):
            return _dumps(value, copies=False)
        raise


def loads(data: bytes) -> Any:
    """Return the value of a pickle. It runs code that the pickle names."""
    return pickle.loads(data)


def _dumps(value: object, *, copies: bool) -> bytes:
    cloudpickle: Any = importlib.import_module("cloudpickle")

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # an untyped base
        """Names classes of scripts, and takes exceptions apart."""

        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, type):
                return self._class(obj)
            if isinstance(obj, BaseException):
                return _reduced_exception(obj)
            if type(obj) in _SENTINELS:
                return _SENTINELS[type(obj)]
            return super().reducer_override(obj)

        def _class(self, kind: type) -> Any:
            parts = type_arguments(kind)
            if parts is not None:
                return parametrised, parts
            reference = script_class(kind)
            if reference is None:
                return super().reducer_override(kind)
            if not copies:
                return loaded_class, (reference,)
            make, given, filling, *_ = super().reducer_override(kind)
            return (
                class_or_copy,
                (reference, make, given),
                (reference, filling),
                None,
                None,
                fill_copy,
            )

    buffer = io.BytesIO()
    with _scripts_by_value(cloudpickle):
        Pickler(buffer).dump(value)
    return buffer.getvalue()


@contextmanager
def _scripts_by_value(cloudpickle: Any) -> Iterator[None]:
    """Let functions of loaded scripts be copied, as those of `__main__` are.

    Another process can import no script.
    """
    for name in sources.script_modules:
        if name in sys.modules:
            cloudpickle.register_pickle_by_value(sys.modules[name])
    yield


# -- classes -----------------------------------------------------------------------


def script_class(kind: type) -> str | None:
    """Return `module:qualname` of a class that a script defines at its top level."""
    if "<locals>" in kind.__qualname__:
        return None
    if kind.__module__ != "__main__" and kind.__module__ not in sources.script_modules:
        return None
    reference = f"{sources.stable_module(kind.__module__)}:{kind.__qualname__}"
    return reference if sources.known_class(reference) is kind else None


def class_or_copy(reference: str, make: Any, given: tuple[Any, ...]) -> Any:
    """Return the class of that name, or an empty one for `fill_copy`."""
    known = sources.known_class(reference)
    if known is not None:
        return known
    kind = make(*given)
    sources.class_copies[reference] = kind
    _unfinished.add(kind)
    return kind


def fill_copy(kind: type, state: tuple[str, Any]) -> type:
    """Fill a class that `class_or_copy` has made."""
    if kind in _unfinished:
        _unfinished.discard(kind)
        importlib.import_module("cloudpickle.cloudpickle")._class_setstate(
            kind, state[1]
        )
    return kind


def loaded_class(reference: str) -> type:
    """Return the class of a script that is loaded.

    Raises:
        ModuleNotFoundError: If it is not.
    """
    known = sources.known_class(reference)
    if known is None:
        module, _, name = reference.partition(":")
        raise ModuleNotFoundError(
            f"class {name} belongs to the script {module!r}, which is not loaded here"
        )
    return known


def find_class(reference: str, copy: bytes) -> Any:
    """Return the class of that name if its module is loaded, else a copy of it.

    Older pickles name this function.
    """
    known = sources.known_class(reference)
    return loads(copy) if known is None else known


def type_arguments(kind: type) -> tuple[type, tuple[Any, ...]] | None:
    """Return generic model and arguments of a model like `Box[int]`."""
    # pydantic makes such a class anew in each process, and puts it into no module.
    generic = vars(kind).get("__pydantic_generic_metadata__") or {}
    origin = generic.get("origin")
    return None if origin is None else (origin, tuple(generic["args"]))


def parametrised(origin: Any, arguments: tuple[Any, ...]) -> Any:
    """Return a generic class with its arguments."""
    return origin[arguments if len(arguments) != 1 else arguments[0]]


# -- exceptions ----------------------------------------------------------------------


def _reduced_exception(error: BaseException) -> Any:
    if exceptions.reduces_itself(error):
        reduced: Any = error.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        make, given, *rest = reduced
        state = {"own": rest[0] if rest else None, "chain": exceptions.chain(error)}
        return make, given, state, None, None, fill_exception
    return (
        exceptions.blank,
        (type(error), exceptions.given(error)),
        exceptions.state(error),
        None,
        None,
        fill_exception,
    )


def fill_exception(error: BaseException, state: dict[str, Any]) -> None:
    """Give an exception what it held."""
    own = state.get("own")
    if own is not None:
        error.__setstate__(own)
    exceptions.fill(error, state)
