"""Call any piece of work as a checkpoint with an exact id; adapters are built on it.

A `@checkpoint` is a function with a name of its own. A framework's model request or
tool call is not: its id says where in the framework's run it stands, and what it does
is known only when it happens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, TypedDict, TypeVar, cast

from kitaru._core import scope
from kitaru._core.names import check_name
from kitaru._core.specs import CallOptions, CheckpointSpec, ExceptionTypes
from kitaru.errors import KitaruUsageError

T = TypeVar("T")


class CheckpointSettings(TypedDict, total=False):
    """How a call is run as a checkpoint; the words of `@checkpoint`."""

    retries: int
    retry_delay: float
    retry_backoff: float
    retry_on: ExceptionTypes
    timeout: float | None
    type: str


_RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "retries": ("a whole number, 0 or more", lambda v: type(v) is int and v >= 0),
    "retry_delay": ("seconds, 0 or more", lambda v: _is_number(v) and v >= 0),
    "retry_backoff": ("a number, 1 or more", lambda v: _is_number(v) and v >= 1),
    "retry_on": (
        "a tuple of exception classes",
        lambda v: (
            isinstance(v, tuple)
            and all(
                isinstance(kind, type) and issubclass(kind, Exception) for kind in v
            )
        ),
    ),
    "timeout": (
        "seconds, more than 0, or None",
        lambda v: v is None or (_is_number(v) and v > 0),
    ),
    "type": ("a text", lambda v: isinstance(v, str) and bool(v)),
}


def checked_settings(
    settings: Mapping[str, Any] | None, *, what: str
) -> CheckpointSettings:
    """Return the settings if they can be used.

    Args:
        settings: As the user gave them.
        what: Where they were given, for the message.

    Raises:
        KitaruUsageError: For an unknown name or a wrong value.
    """
    given: Any = {} if settings is None else settings
    if not isinstance(given, Mapping):
        raise KitaruUsageError(f"{what} must be a dict of settings, got {given!r}")
    for name, value in given.items():
        if name not in _RULES:
            raise KitaruUsageError(
                f"{what}: {name!r} is no setting of a checkpoint; there are "
                + ", ".join(_RULES)
            )
        wanted, fits = _RULES[name]
        if not fits(value):
            raise KitaruUsageError(f"{what}: {name} must be {wanted}, got {value!r}")
    return cast("CheckpointSettings", dict(given))


def call_as_checkpoint(
    work: Callable[[], T],
    *,
    id: str,
    name: str,
    inputs: object = None,
    settings: CheckpointSettings | None = None,
) -> T:
    """Run `work` as a checkpoint of the running flow, or return what it returned before.

    Args:
        work: What to do.
        id: Invocation id: the same whenever the flow runs again, unique in an execution.
        name: Name of the checkpoint, shared by calls of one kind.
        inputs: What the work depends on; a replay that changed it does the work again.
        settings: How to run it.

    Raises:
        KitaruContextError: Outside a flow body.
        Exception: Whatever `work` raises, after its retries.
    """
    runtime = scope.require_flow(name, inside_checkpoint="checkpoints do not nest")
    options = CallOptions(id=check_name("invocation id", id), work=lambda _: work())
    value: Any = runtime.call(_declared(name, settings), (inputs,), {}, options)
    return value  # type: ignore[no-any-return]  # T by the caller's word


async def acall_as_checkpoint(
    work: Callable[[], Awaitable[T]],
    *,
    id: str,
    name: str,
    inputs: object = None,
    settings: CheckpointSettings | None = None,
) -> T:
    """Do the same with work that is awaited, on the event loop that runs.

    If it is cancelled, nothing is stored and it runs again next time.
    """
    runtime = scope.require_flow(name, inside_checkpoint="checkpoints do not nest")
    options = CallOptions(id=check_name("invocation id", id), work=lambda _: work())
    value: Any = await runtime.call_async(
        _declared(name, settings), (inputs,), {}, options
    )
    return value  # type: ignore[no-any-return]  # T by the caller's word


def _declared(name: str, settings: CheckpointSettings | None) -> CheckpointSpec:
    return _spec(name, tuple(sorted((settings or {}).items())))


@cache
def _spec(name: str, settings: tuple[tuple[str, Any], ...]) -> CheckpointSpec:
    # Never from the cache: the work is a closure, whose code has no fingerprint.
    return CheckpointSpec(
        name=check_name("checkpoint", name),
        function=_described,
        cache=False,
        **dict(settings),
    )


def _described(inputs: object) -> None:
    """Stands for the work of a call, which each call brings along."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
