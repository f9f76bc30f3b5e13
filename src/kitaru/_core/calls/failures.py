"""Exceptions to records and back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from kitaru._core.calls import tracebacks
from kitaru._core.calls.records import StoredFailure
from kitaru._core.secrecy import masking
from kitaru._core.values import exceptions, pickling, sameness
from kitaru._core.values.sameness import text_of
from kitaru._core.values.tagging import Permit
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
        message=masking.text(message_of(error)),
        exception_type=f"{type(error).__module__}.{type(error).__qualname__}",
        traceback=masking.text(tracebacks.text(error)),
        origin=origin.value,
        pickled=_pickle(error),
    )


def message_of(error: BaseException) -> str:
    """Return what is said of an exception; where its text says little, what happened."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted (Ctrl-C)"
    if isinstance(error, SystemExit):
        code = "" if error.code is None else repr(error.code)
        return f"sys.exit({code}) was called"
    return text_of(error)


def without_exception(
    message: str, origin: FailureOrigin, *, traceback: str = ""
) -> StoredFailure:
    """Return a record of a failure that no exception tells of: a process that died."""
    return StoredFailure(
        message=masking.text(message),
        exception_type="",
        traceback=masking.text(traceback),
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


def rebuild(failure: StoredFailure, permit: Permit) -> BaseException | None:
    """Return the stored exception, or `None` if this code cannot rebuild it.

    Raises:
        KitaruUsageError: If `permit` does not allow to run code of the exception.
    """
    if failure.pickled is None:
        return None
    permit("rebuilding its exception")
    return _loads(base64.b64decode(failure.pickled))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what it was raised from."""
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__


def describe(failure: StoredFailure) -> FailureInfo:
    """Return what users see of a failure."""
    return FailureInfo(
        message=failure.message,
        exception_type=failure.exception_type or None,
        traceback=failure.traceback or None,
        origin=FailureOrigin(failure.origin),
    )


def _pickle(error: BaseException) -> str | None:
    """Return the pickled exception, if it comes back as the same type and message.

    An exception may hold what cannot be pickled, and what must not be stored. It is kept
    as far as possible: without such attributes, and at last without what it came from.
    """
    for form in (_whole, _trimmed, _alone):
        data = form(error)
        if data is not None and not masking.holds_secret(data):
            return base64.b64encode(data).decode()
    return None


def _whole(error: BaseException) -> bytes | None:
    data = _dumps(error)
    again = None if data is None else _loads(data)
    try:
        same = again is not None and sameness.difference(error, again) is None
    except sameness.IncomparableError:
        return None
    return data if same else None


def _trimmed(error: BaseException) -> bytes | None:
    return _if_alike(_copy(error, _link), error)


def _alone(error: BaseException) -> bytes | None:
    return _if_alike(_copy(error, _described), error)


def _if_alike(copy: BaseException | None, error: BaseException) -> bytes | None:
    data = None if copy is None else _dumps(copy)
    again = None if data is None else _loads(data)
    alike = type(again) is type(error) and text_of(again) == text_of(error)
    return data if alike else None


def _copy(
    error: BaseException, link: Callable[[BaseException], BaseException]
) -> BaseException | None:
    """Return a copy with what can be pickled of its attributes.

    Args:
        error: The exception.
        link: Gives what takes the place of a cause, a context, a member of a group.
    """
    try:
        made = exceptions.given(error)
        if isinstance(error, BaseExceptionGroup):
            made = (error.message, [link(member) for member in error.exceptions])
        parts = exceptions.state(error)
        for kind in ("dict", "beside"):
            parts[kind] = {
                k: v for k, v in parts[kind].items() if _dumps(v) is not None
            }
        parts["chain"] = {
            name: link(value) if isinstance(value, BaseException) else value
            for name, value in parts["chain"].items()
        }
        if made:
            parts["args"] = made
        copy = exceptions.blank(type(error), made)
        exceptions.fill(copy, parts)
    # An exception class may raise anything here, and a chain may be very long.
    except Exception:  # noqa: BLE001
        return None
    return copy


def _link(error: BaseException) -> BaseException:
    """Return an exception of a chain as far as it can be stored."""
    if _whole(error) is not None:
        return error
    copy = _copy(error, _link)
    if copy is None or _if_alike(copy, error) is None:
        return _described(error)
    return copy


def _described(error: BaseException) -> BaseException:
    """Return what takes the place of an exception that cannot be stored."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    return RuntimeError(f"{kind}: {masking.text(text_of(error))}")


def _dumps(value: object) -> bytes | None:
    try:
        return pickling.dumps(value)
    # Exceptions may hold anything, open responses and locks included.
    except Exception:  # noqa: BLE001
        return None


def _loads(data: bytes) -> BaseException | None:
    try:
        error = pickling.loads(data)
        if isinstance(error, tuple):
            # Older versions kept some as class, arguments and attributes.
            kind, args, state = error
            error = kind.__new__(kind, *args)
            error.args = args
            vars(error).update(state)
    # An exception class with an own __init__ may raise anything here.
    except Exception:  # noqa: BLE001
        return None
    return error if isinstance(error, BaseException) else None
