"""What a function does, as far as that can be known: two functions with one fingerprint
compute the same.

It covers the code, defaults, what the function closes over and wraps, and the functions,
classes and values that it names in modules of the project, and theirs in turn. Installed
packages count by name. A list, dict or set counts as it was when this process first saw
it: what a function collects there is no reason to compute again. Where something cannot be
told apart there is no fingerprint, but a reason.
"""

from __future__ import annotations

import dis
import hashlib
import importlib.util
import inspect
import logging
import re
import sys
from collections.abc import Sequence
from functools import cache, partial
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    MethodType,
    ModuleType,
)
from typing import Any
from weakref import WeakKeyDictionary

from kitaru._core import sources
from kitaru._core.values import codec

_GLOBAL_READS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
# What `_reads` says of a name that is used otherwise than for an attribute of it.
_ITSELF = ""
_COLLECTIONS = (list, dict, set, bytearray)
# By function: what the collections that it uses held at first.
_first_seen: WeakKeyDictionary[Any, dict[int, tuple[object, str]]] = WeakKeyDictionary()


class UnknownFunctionError(Exception):
    """It cannot be told what a function does; says why."""


def fingerprint(function: Any) -> str:
    """Return what is equal for functions that compute the same.

    Raises:
        UnknownFunctionError: If that cannot be told.
    """
    walk = _Walk(_first_seen.setdefault(function, {}))
    try:
        walk.add(function, "the function")
    except RecursionError as error:
        raise UnknownFunctionError("it is nested too deeply") from error
    # Bytecode means something for one version of Python only.
    told = "\n".join([sys.version.partition(" ")[0], *walk.told])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


class _Walk:
    """Collects what a function consists of; each object once."""

    def __init__(self, collections: dict[int, tuple[object, str]]) -> None:
        self._collections = collections
        self.told: list[str] = []
        # Kept so that their ids stay their own.
        self._seen: dict[int, object] = {}

    def add(self, value: Any, what: str) -> None:
        if id(value) in self._seen:
            # Which of the known ones it is.
            self.told.append(f"again {list(self._seen).index(id(value))}")
            return
        digest = self._digest(value)
        if digest is not None:
            self.told.append(f"value {codec.type_name(value)} {digest}")
            for kind in _classes_in(value):
                self.add(kind, f"the class of {what}")
            return
        self._seen[id(value)] = value
        self._object(value, what)

    def _digest(self, value: Any) -> str | None:
        if isinstance(value, type | FunctionType):
            return None
        if type(value) not in _COLLECTIONS:
            return codec.canonical_hash(value)
        if id(value) not in self._collections:
            digest = codec.canonical_hash(value)
            if digest is None:
                return None
            self._collections[id(value)] = value, digest
        return self._collections[id(value)][1]

    def _object(self, value: Any, what: str) -> None:
        plain = getattr(value, "fn", None)
        if type(value).__module__.startswith("kitaru.") and inspect.isfunction(plain):
            # A checkpoint or a flow.
            self.add(plain, what)
        elif isinstance(value, FunctionType):
            self._function(value)
        elif isinstance(value, MethodType):
            self._parts((value.__func__, value.__self__), what)
        elif isinstance(value, partial):
            self._parts((value.func, value.args, value.keywords), what)
        elif isinstance(value, staticmethod | classmethod):
            self.add(value.__func__, what)
        elif isinstance(value, tuple | list):
            self._parts(value, what)
        elif isinstance(value, dict):
            self._parts([*value, *value.values()], what)
        else:
            self._named(value, what)

    def _parts(self, parts: Sequence[Any], what: str) -> None:
        self.told.append(f"{len(parts)} parts")
        for part in parts:
            self.add(part, what)

    def _named(self, value: Any, what: str) -> None:
        if isinstance(value, type):
            self._class(value, what)
        elif isinstance(value, ModuleType):
            if _is_of_project(value.__name__):
                raise UnknownFunctionError(f"{what} is a module as a whole")
            self.told.append(f"module {value.__name__}")
        elif isinstance(value, BuiltinFunctionType):
            owner = value.__self__
            self.told.append(f"builtin {value.__module__} {value.__qualname__}")
            if owner is not None and not isinstance(owner, ModuleType):
                self.add(owner, what)
        elif isinstance(value, re.Pattern):
            self.told.append(f"pattern {value.pattern!r} {value.flags}")
        elif isinstance(value, logging.Logger):
            self.told.append("logger")
        elif _is_typing(value):
            self.told.append(f"typing {value!r}")
        else:
            kind = codec.type_name(value).replace(":", ".")
            raise UnknownFunctionError(f"{what} is a {kind}")

    def _function(self, function: FunctionType) -> None:
        name = f"{function.__module__}.{function.__qualname__}"
        if not _is_of_project(function.__module__):
            self.told.append(f"installed {name}")
            return
        self._code(function.__code__)
        self.add(function.__defaults__, f"a default of {name}")
        self.add(function.__kwdefaults__, f"a default of {name}")
        for variable, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            self.add(
                _content(cell, variable), f"{variable!r}, which {name} closes over,"
            )
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            self.add(wrapped, f"what {name} wraps")
        self._names(function.__code__, function.__globals__, name)

    def _code(self, code: CodeType) -> None:
        constants = [item for item in code.co_consts if not isinstance(item, CodeType)]
        self.told.append(
            repr(
                (
                    code.co_code,
                    code.co_names,
                    code.co_varnames,
                    code.co_freevars,
                    code.co_cellvars,
                    code.co_flags,
                    code.co_argcount,
                    code.co_posonlyargcount,
                    code.co_kwonlyargcount,
                    code.co_exceptiontable,
                    [_constant(item) for item in constants],
                )
            )
        )
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                self._code(inner)

    def _names(self, code: CodeType, known: dict[str, Any], name: str) -> None:
        """Add what a function reads from its module, and from modules of the project."""
        for variable, attributes in _reads(code):
            if variable not in known:
                continue
            value = known[variable]
            what = f"{variable!r}, which {name} uses,"
            self.told.append(f"name {variable}")
            if isinstance(value, ModuleType) and _is_of_project(value.__name__):
                self._attributes(value, attributes, what)
            else:
                self.add(value, what)

    def _attributes(
        self, module: ModuleType, attributes: tuple[str, ...], what: str
    ) -> None:
        for attribute in attributes:
            if attribute == _ITSELF:
                raise UnknownFunctionError(f"{what} is a module as a whole")
            if not hasattr(module, attribute):
                raise UnknownFunctionError(f"{what} has no {attribute!r} yet")
            self.told.append(f"attribute {attribute}")
            self.add(getattr(module, attribute), f"{attribute!r} of {what}")

    def _class(self, kind: type, what: str) -> None:
        module = sources.stable_module(kind.__module__)
        self.told.append(f"class {module}.{kind.__qualname__}")
        if not _is_of_project(kind.__module__):
            return
        try:
            self.told.append(inspect.getsource(kind))
        except (OSError, TypeError) as error:
            raise UnknownFunctionError(f"{what} is a class without source") from error
        for base in kind.__bases__:
            self.add(base, what)
        for name, item in list(vars(kind).items()):
            plain = getattr(item, "__func__", getattr(item, "fget", item))
            if inspect.isfunction(plain) and _is_written_in(plain, kind):
                self.add(plain, what)
            elif not name.startswith("__"):
                # Whatever the source says by now.
                self.told.append(f"attribute {name} {self._digest(item)}")


def _classes_in(value: object) -> list[type]:
    """Return the classes of the project that a value consists of."""
    found: dict[type, None] = {}
    seen: dict[int, object] = {}
    left = [value]
    while left:
        item = left.pop()
        if id(item) in seen or isinstance(item, type):
            continue
        seen[id(item)] = item
        if isinstance(item, list | tuple | set | frozenset):
            left += item
        elif isinstance(item, dict):
            left += [*item, *item.values()]
        left += getattr(item, "__dict__", {}).values()
        if _is_of_project(type(item).__module__):
            found[type(item)] = None
    return list(found)


def _is_written_in(function: FunctionType, kind: type) -> bool:
    """Whether a method stands in the source of its class; some are made."""
    file = function.__code__.co_filename
    return function.__module__ == kind.__module__ and not file.startswith("<")


def _content(cell: CellType, variable: str) -> object:
    try:
        return cell.cell_contents
    except ValueError as error:
        raise UnknownFunctionError(f"{variable!r} has no value yet") from error


def _constant(item: object) -> str:
    # The order of a set of strings differs from process to process.
    if isinstance(item, frozenset):
        return f"frozenset {sorted(map(_constant, item))}"
    return f"{type(item).__name__} {item!r}"


@cache
def _reads(code: CodeType) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the global names that code reads, with the attributes read from them."""
    found: dict[str, dict[str, None]] = {}
    last: str | None = None
    for step in dis.get_instructions(code):
        if step.opname in _GLOBAL_READS:
            if last is not None:
                found[last][_ITSELF] = None
            last = str(step.argval)
            found.setdefault(last, {})
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and last is not None:
            found[last].setdefault(str(step.argval))
            last = None
        elif step.opname == "IMPORT_NAME" and _imports_project(str(step.argval)):
            raise UnknownFunctionError(f"it imports {step.argval!r} when it runs")
        elif last is not None and step.opname not in ("PRECALL", "CACHE", "PUSH_NULL"):
            found[last][_ITSELF] = None
            last = None
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            for name, attributes in _reads(inner):
                found.setdefault(name, {}).update(dict.fromkeys(attributes))
    return tuple((name, tuple(found[name])) for name in sorted(found))


def _is_typing(value: object) -> bool:
    return type(value).__module__ in ("typing", "types")


def _is_of_project(module: str) -> bool:
    """Whether a module is the user's own, not of Python or an installed package."""
    if module in ("__main__", "__mp_main__") or module in sources.script_modules:
        return True
    loaded = sys.modules.get(module)
    if loaded is None:
        return True  # Nobody says what it is.
    file = getattr(loaded, "__file__", None)
    if file:
        return not sources.is_installed(str(file))
    origin = getattr(getattr(loaded, "__spec__", None), "origin", None)
    return origin not in ("built-in", "frozen")


def _imports_project(module: str) -> bool:
    """Whether an import while a function runs may bring code of the project."""
    top = module.partition(".")[0]
    if top in sys.modules:
        return _is_of_project(top)
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return True
    return not (spec and spec.origin) or not (
        spec.origin in ("built-in", "frozen") or sources.is_installed(spec.origin)
    )
