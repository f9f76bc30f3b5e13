"""What a decorated function asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal, TypeAlias

from kitaru._core import sources
from kitaru._core.flows.resources import Resources
from kitaru._core.settings.notify import Notify
from kitaru._core.settings.options import MOST_SECONDS
from kitaru.errors import KitaruUsageError
from kitaru.models import FailureInfo, PendingWait

Runtime = Literal["inline", "isolated"]
ExceptionTypes = tuple[type[Exception], ...]
# Functions of the user that get the id of an execution, and what happened.
OnFailure = Callable[[str, FailureInfo], object]
OnWait = Callable[[str, PendingWait], object]


def refuse_generator(function: Callable[..., Any], kind: str) -> None:
    """Refuse a function whose call runs nothing of it yet, and returns no value.

    Raises:
        KitaruUsageError: If it is a generator function, `async` or not.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise KitaruUsageError(
            f"@{kind} {function.__name__!r} is a generator function: a call of it runs "
            "nothing and returns no value that can be kept. Return a list, or make a "
            "checkpoint of the work for one element"
        )


@dataclass(frozen=True)
class CheckpointSpec:
    """A checkpoint as declared."""

    name: str
    function: Callable[..., Any]
    retries: int = 0
    type: str | None = None
    runtime: Runtime | None = None
    cache: bool | None = None
    retry_delay: float = 0.0
    retry_backoff: float = 2.0
    retry_on: ExceptionTypes = (Exception,)
    timeout: float | None = None
    resources: Resources | None = None
    # A step of another system, run by that system; `function` is its plain function.
    foreign: object = None
    # Bookkeeping of ours: nobody wants to stop before it.
    is_internal: bool = False

    @property
    def is_isolated(self) -> bool:
        """Whether the body runs in a process of its own."""
        return self.runtime == "isolated" or self.resources is not None

    @cached_property
    def signature(self) -> inspect.Signature:
        """The signature of the user's function."""
        return inspect.signature(self.function)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call by name.

        Raises:
            TypeError: If they do not fit; says how.
        """
        names = self._positional
        if names is not None and not kwargs and len(args) == len(names):
            return dict(zip(names, args, strict=True))
        return self.signature.bind(*args, **kwargs).arguments

    @cached_property
    def _positional(self) -> tuple[str, ...] | None:
        """The names of the parameters, if all of them can be given by position."""
        parameters = self.signature.parameters.values()
        plain = (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        if any(parameter.kind not in plain for parameter in parameters):
            return None
        return tuple(self.signature.parameters)

    def delay_before(self, attempt: int) -> float:
        """Seconds to wait before an attempt; the first is number 1."""
        if attempt == 1 or not self.retry_delay:
            return 0.0
        try:
            factor = float(self.retry_backoff) ** (attempt - 2)
            delay = float(self.retry_delay) * factor
        except OverflowError:
            return MOST_SECONDS
        return min(delay, MOST_SECONDS)

    @cached_property
    def code_hash(self) -> str:
        """A hash of the user's source."""
        return sources.code_hash(self.function)


@dataclass(frozen=True)
class CallOptions:
    """What one call adds: an id of its own, and calls it comes after.

    `work` runs in place of the checkpoint's function, with the same arguments;
    `is_told_by_arguments` says that they tell all of what it does. `recover` is given
    the failure that no attempt is left for: what it returns is the outcome of the call,
    what it raises its failure. It is awaited where the body is. `is_handled` says that
    the flow will go on after a failure, unless it is told otherwise. `before` is called
    in the flow before the body runs, unless a result is taken over.
    """

    id: str | None = None
    after: tuple[object, ...] = ()
    work: Callable[..., Any] | None = None
    is_told_by_arguments: bool = False
    recover: Callable[[Exception], Any] | None = None
    is_handled: bool = False
    before: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Hooks:
    """Functions of the user that hear of an execution, in the process that runs it.

    What they raise changes nothing of the execution.
    """

    on_failure: OnFailure | None = None
    on_wait: OnWait | None = None

    @classmethod
    def checked(cls, **given: Any) -> Hooks:
        """Return hooks as they were given.

        Raises:
            KitaruUsageError: If one is no plain function.
        """
        for name, hook in given.items():
            if hook is not None and (
                not callable(hook) or inspect.iscoroutinefunction(hook)
            ):
                raise KitaruUsageError(
                    f"@flow {name} must be a function, not async, that takes the id of "
                    f"an execution and what happened, got {hook!r}"
                )
        return cls(**given)


@dataclass(frozen=True)
class FlowSpec:
    """A flow as declared."""

    name: str
    function: Callable[..., Any]
    source: sources.FlowSource
    hooks: Hooks = Hooks()

    @property
    def is_async(self) -> bool:
        """Whether the body is an `async def`."""
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def signature(self) -> inspect.Signature:
        """The signature of the user's function."""
        return inspect.signature(self.function)


WaitKind = Literal["question", "timer", "breakpoint"]
# A span from the moment in which the wait is opened, or a moment with a time zone.
Expires: TypeAlias = timedelta | datetime


@dataclass(frozen=True, slots=True)
class Default:
    """What answers a wait when its time is over."""

    value: object


@dataclass(frozen=True)
class WaitRequest:
    """What `wait()` was called with."""

    schema: object = None
    name: str | None = None
    question: str | None = None
    timeout: float = 600.0
    metadata: dict[str, Any] = field(default_factory=dict)
    expires: Expires | None = None
    default: Default | None = None
    kind: WaitKind = "question"
    notify: Notify | None = None
