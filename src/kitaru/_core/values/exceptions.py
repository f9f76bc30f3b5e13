"""Exceptions as parts: class, arguments, attributes, notes, and what they came from.

An exception pickles itself as class and arguments, and gets its arguments through its own
`__init__` again, which may take others than it keeps. Its cause and context it leaves out.
Here it is taken apart and put together without its `__init__`.
"""

from __future__ import annotations

import builtins
import copyreg
import pickle
from collections.abc import Mapping
from typing import Any

# What exceptions of Python keep beside `args` and `__dict__`.
_BESIDE: dict[type[BaseException], tuple[str, ...]] = {
    AttributeError: ("name",),
    ImportError: ("name", "path", "msg"),
    NameError: ("name",),
    OSError: ("errno", "strerror", "filename", "filename2"),
    StopIteration: ("value",),
    SyntaxError: (
        *("msg", "filename", "lineno", "offset", "text"),
        *("end_lineno", "end_offset", "print_file_and_line"),
    ),
    SystemExit: ("code",),
    UnicodeDecodeError: ("encoding", "object", "start", "end", "reason"),
    UnicodeEncodeError: ("encoding", "object", "start", "end", "reason"),
    UnicodeTranslateError: ("object", "start", "end", "reason"),
}
_CHAIN = ("__cause__", "__context__", "__suppress_context__")


def reduces_itself(error: BaseException) -> bool:
    """Whether the class says how to pickle it, as those written in C do."""
    kind = type(error)
    own = _python_base(kind)
    return (
        kind.__reduce__ is not own.__reduce__
        or kind.__reduce_ex__ is not own.__reduce_ex__
    )


def chain(error: BaseException) -> dict[str, Any]:
    """Return what an exception came from, as far as it is to be told.

    `raise ... from None` hides what was handled then: a request with its key, perhaps.
    """
    parts = {name: getattr(error, name) for name in _CHAIN}
    if error.__suppress_context__ and error.__cause__ is None:
        parts["__context__"] = None
    return parts


def contents(error: BaseException) -> Mapping[str, Any]:
    """Return all that makes an exception, to compare it with another one."""
    if not reduces_itself(error):
        return state(error)
    own = error.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
    return {"own": own, "dict": dict(vars(error)), "chain": chain(error)}


def state(error: BaseException) -> dict[str, Any]:
    """Return what an exception holds, notes included; see `fill`."""
    kind = type(error)
    beside = [
        name for base in _BESIDE if issubclass(kind, base) for name in _BESIDE[base]
    ]
    slots: list[str] = copyreg._slotnames(kind)  # type: ignore[attr-defined]  # as pickle
    return {
        "args": error.args,
        "dict": dict(vars(error)),
        "beside": {
            name: getattr(error, name)
            for name in (*beside, *slots)
            # An `OSError` shows a second file once one was set, `None` included.
            if getattr(error, name, None) is not None
        },
        "chain": chain(error),
    }


def blank(kind: type[BaseException], given: tuple[Any, ...] = ()) -> BaseException:
    """Return an exception that holds nothing yet, past the class's own `__init__`.

    Args:
        kind: Its class.
        given: For groups, which are made with what they hold.
    """
    return _python_base(kind).__new__(kind, *given)


def given(error: BaseException) -> tuple[Any, ...]:
    """Return what `blank` needs to make this exception."""
    if isinstance(error, BaseExceptionGroup):
        return (error.message, error.exceptions)
    return ()


def fill(error: BaseException, parts: Mapping[str, Any]) -> None:
    """Give an exception the parts that `state` returned."""
    if "args" in parts:
        error.args = parts["args"]
        vars(error).update(parts["dict"])
        for name, value in parts["beside"].items():
            object.__setattr__(error, name, value)
    for name in _CHAIN:
        setattr(error, name, parts["chain"][name])


def _python_base(kind: type[BaseException]) -> type[BaseException]:
    """Return the exception of Python itself that a class derives from."""
    own: list[type[BaseException]] = [
        base for base in kind.__mro__ if vars(builtins).get(base.__name__) is base
    ]
    return own[0]
