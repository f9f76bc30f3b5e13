"""Take secrets out of the exceptions of a framework, which are stored and shown."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from kitaru._core.secrecy import masking
from kitaru._core.secrecy.redaction import HIDDEN
from kitaru._core.secrecy.secret_names import is_secret

_OWN = ("errno", "strerror", "filename", "filename2")


def clean_error(error: BaseException) -> None:
    """Take secrets out of an exception and its causes, in place.

    Its message is stored and shown; a provider may quote a key or a prompt in it.
    """
    open_errors, seen = [error], set[int]()
    while open_errors:
        current = open_errors.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        _clean_one(current)
        nested = getattr(current, "exceptions", ())
        open_errors += [item for item in nested if isinstance(item, BaseException)]
        if chained := current.__cause__ or current.__context__:
            open_errors.append(chained)


def _clean_one(error: BaseException) -> None:
    cleaned = tuple(_plain_cleaned(item) for item in error.args)
    if cleaned != error.args:
        error.args = cleaned
    for name, item in vars(error).items():
        _clean_headers(item)
        vars(error)[name] = _plain_cleaned(item)
    # An OSError makes its message of these, not of its arguments.
    for name in _OWN if isinstance(error, OSError) else ():
        if (item := getattr(error, name)) is not None:
            setattr(error, name, _plain_cleaned(item))


def _clean_headers(item: Any, *, depth: int = 2) -> None:
    """Take secrets out of the headers of an HTTP response, and of its request."""
    state = getattr(item, "__dict__", None)
    if state is None or not depth:
        return
    headers = getattr(item, "headers", None)
    if isinstance(headers, MutableMapping):
        for key in [key for key in headers if is_secret(str(key))]:
            headers[key] = HIDDEN
    for part in list(state.values()):
        _clean_headers(part, depth=depth - 1)


def _plain_cleaned(item: Any) -> Any:
    return masking.recorded(item) if isinstance(item, str | dict | list) else item
