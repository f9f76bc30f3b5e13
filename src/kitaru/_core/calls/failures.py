"""Exceptions to records and back."""

from __future__ import annotations

import base64
import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from kitaru._core.calls import tracebacks
from kitaru._core.calls.records import StoredFailure
from kitaru._core.secrecy import masking
from kitaru.errors import (
    KitaruBackendError,
    KitaruDivergenceError,
    KitaruRuntimeError,
)
from kitaru.models import FailureInfo, FailureOrigin


def origin_of(error: BaseException) -> FailureOrigin:
    """Say who is to blame for an error that ended an attempt."""
    if isinstance(error, KitaruDivergenceError):
        return FailureOrigin.DIVERGENCE
    if isinstance(error, KitaruBackendError):
        return FailureOrigin.BACKEND
    # Its subclasses tell of executions, which fail for reasons of their own.
    if type(error) is KitaruRuntimeError or isinstance(error, KeyboardInterrupt):
        return FailureOrigin.RUNTIME
    return FailureOrigin.USER_CODE


def store(error: BaseException, origin: FailureOrigin) -> StoredFailure:
    """Return a record of `error` that survives the process."""
    return StoredFailure(
        message="interrupted (Ctrl-C)"
        if isinstance(error, KeyboardInterrupt)
        else masking.text(_message(error)),
        exception_type=f"{type(error).__module__}.{type(error).__qualname__}",
        traceback=masking.text(tracebacks.text(error)),
        origin=origin.value,
        pickled=_pickle(error),
    )


def without_exception(
    message: str, origin: FailureOrigin, *, traceback: str = ""
) -> StoredFailure:
    """Return a record of a failure that no exception tells of: a process that died."""
    return StoredFailure(
        message=masking.text(message),
        exception_type="",
        traceback=traceback,
        origin=origin.value,
    )


def to_dict(failure: StoredFailure) -> dict[str, Any]:
    """Return a failure as JSON data."""
    data: dict[str, Any] = _adapter().dump_python(failure, mode="json")
    return data


def from_dict(data: Mapping[str, Any]) -> StoredFailure:
    """Return the failure written by `to_dict`."""
    return _adapter().validate_python(data)


@cache
def _adapter() -> TypeAdapter[StoredFailure]:
    return TypeAdapter(StoredFailure)


def rebuild(failure: StoredFailure) -> BaseException | None:
    """Return the stored exception, or `None` if this code cannot rebuild it."""
    if failure.pickled is None:
        return None
    return _unpickle(base64.b64decode(failure.pickled))


def describe(failure: StoredFailure) -> FailureInfo:
    """Return what users see of a failure."""
    return FailureInfo(
        message=failure.message,
        exception_type=failure.exception_type or None,
        traceback=failure.traceback or None,
        origin=FailureOrigin(failure.origin),
    )


def _message(error: object) -> str:
    """Return what the exception says, even if its `__str__` is broken."""
    try:
        return str(error)
    # User code: any exception may come out.
    except Exception:  # noqa: BLE001
        return f"<{type(error).__name__} without a readable message>"


def _pickle(error: BaseException) -> str | None:
    """Return the pickled exception, if it comes back as the same type.

    An exception with an own `__init__` may take other arguments than it keeps, or build
    its message twice; one may hold what cannot be pickled. Those are kept as class,
    arguments and what can be pickled of their attributes.
    """
    for form in (lambda: error, lambda: (type(error), error.args, _state(error))):
        data = _dumps(form())
        if data is not None and masking.holds_secret(data):
            return None
        if data is not None and _same(_unpickle(data), error):
            return base64.b64encode(data).decode()
    return None


def _dumps(value: object) -> bytes | None:
    cloudpickle: Any = importlib.import_module("cloudpickle")
    try:
        data: bytes = cloudpickle.dumps(value)
    # Exceptions may hold anything, open responses and locks included.
    except Exception:  # noqa: BLE001
        return None
    return data


def _same(again: BaseException | None, error: BaseException) -> bool:
    return type(again) is type(error) and _message(again) == _message(error)


def _state(error: BaseException) -> dict[str, Any]:
    """Return the attributes of an exception that can be pickled."""
    return {k: v for k, v in vars(error).items() if _dumps(v) is not None}


def _unpickle(data: bytes) -> BaseException | None:
    cloudpickle: Any = importlib.import_module("cloudpickle")
    try:
        error = cloudpickle.loads(data)
        if isinstance(error, tuple):
            kind, args, state = error
            error = kind.__new__(kind, *args)
            error.args = args
            vars(error).update(state)
    # An exception class with an own __init__ may raise anything here.
    except Exception:  # noqa: BLE001
        return None
    return error if isinstance(error, BaseException) else None
