"""`@checkpoint`: a function whose result is kept."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from types import MethodType
from typing import (
    Any,
    Concatenate,
    Generic,
    Never,
    ParamSpec,
    TypedDict,
    TypeVar,
    cast,
    overload,
)

from kitaru._core.calls import names
from kitaru._core.calls.names import check_name
from kitaru._core.flows import mapping, scope
from kitaru._core.flows import resources as resources_of
from kitaru._core.flows.mapping import Unmapped
from kitaru._core.flows.resources import Resources
from kitaru._core.flows.specs import (
    CallOptions,
    CheckpointSpec,
    ExceptionTypes,
    Runtime,
    refuse_generator,
)
from kitaru._core.settings import options as known_options
from kitaru._core.words.similar import shorten
from kitaru._engine import flow_loading
from kitaru._engine.session.futures import (
    CheckpointFuture,
    CheckpointFutures,
    is_future,
    resolve_all,
)
from kitaru.errors import KitaruUsageError

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
T = TypeVar("T")

_NESTED = (
    "checkpoints do not nest. Call it from the flow body, or call its plain function: "
)


class Checkpoint(Generic[P, R]):
    """A function that runs once per execution; later runs get the stored result.

    Call it inside a flow: the call returns the function's own value, and the value is
    durable when the call returns.
    """

    def __init__(self, spec: CheckpointSpec, options: CallOptions) -> None:
        self._spec = spec
        self._options = options
        self._parameters = frozenset(inspect.signature(spec.function).parameters)
        self._is_async = inspect.iscoroutinefunction(spec.function)
        # The object whose method it is, in front of all arguments.
        self._owner: tuple[object, ...] = ()
        functools.update_wrapper(self, spec.function)
        flow_loading.register_checkpoint(spec)

    @overload
    def __get__(
        self, instance: None, owner: type[Any] | None = None
    ) -> Checkpoint[P, R]: ...
    @overload
    def __get__(
        self: Checkpoint[Concatenate[Any, Q], R],
        instance: object,
        owner: type[Any] | None = None,
    ) -> Checkpoint[Q, R]: ...
    def __get__(
        self, instance: object, owner: type[Any] | None = None
    ) -> Checkpoint[Any, R]:
        """Return what calls the checkpoint of a class as a method of an object."""
        return self if instance is None else self._of((instance,))

    def _of(self, owner: tuple[object, ...]) -> Checkpoint[Any, R]:
        bound = copy.copy(self)
        bound._owner = owner
        # What `inspect.signature` looks at.
        functools.update_wrapper(bound, bound.fn)
        return bound

    @property
    def name(self) -> str:
        """The name of the checkpoint, the first part of its invocation ids."""
        return self._spec.name

    @property
    def fn(self) -> Callable[P, R]:
        """The plain function, for tests."""
        plain = self._spec.function
        return MethodType(plain, *self._owner) if self._owner else plain

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the checkpoint, or return what it returned before.

        Raises:
            KitaruContextError: Outside a flow body.
            KitaruUsageError: If the result cannot be stored.
            Exception: Whatever the function raises, after its retries.
        """
        runtime = scope.require_flow(
            f"checkpoint {self.name!r}",
            inside_checkpoint=f"{_NESTED}{self.name}.fn(...)",
        )
        options, rest = self._split_options(kwargs)
        call = runtime.call_async if self._is_async else runtime.call
        # The engine knows the value as an object; the signature is the user's.
        value: Any = call(self._spec, (*self._owner, *args), rest, options)
        return value  # type: ignore[no-any-return]  # R by the user's annotation

    def submit(self, *args: Any, **kwargs: Any) -> CheckpointFuture[R]:
        """Run the checkpoint beside the flow body and return a future of its value.

        Arguments may be futures of other calls; they are resolved first. Up to 10 calls
        run at once (`KITARU_CONCURRENCY`).

        Raises:
            KitaruContextError: Outside a flow body.
        """
        runtime = scope.require_flow(
            f"{self.name}.submit()", inside_checkpoint=f"{_NESTED}{self.name}.fn(...)"
        )
        options, rest = self._split_options(kwargs)
        given = (*self._owner, *args)
        future: CheckpointFuture[R] = runtime.submit(self._spec, given, rest, options)
        return future

    def map(self, *iterables: Any, **constants: Any) -> CheckpointFutures[R]:
        """Run the checkpoint beside the flow body once per element, like `map()`.

        Args:
            *iterables: Lists, generators, futures of lists; of equal lengths. An
                `unmapped(x)` is given whole to every call.
            **constants: Given whole to every call.

        Returns:
            The futures in input order; `.results()` gives their values.

        Raises:
            KitaruUsageError: For unequal lengths or something that is no sequence of
                elements; nothing was started.
        """
        rows = mapping.zipped(self.name, resolve_all(iterables))
        return CheckpointFutures([self.submit(*row, **constants) for row in rows])

    def product(self, *iterables: Any, **constants: Any) -> CheckpointFutures[R]:
        """Do what `map` does for every combination, the last iterable changing fastest."""
        rows = mapping.crossed(self.name, resolve_all(iterables))
        return CheckpointFutures([self.submit(*row, **constants) for row in rows])

    def with_options(
        self,
        *,
        id: str | None = None,
        after: Sequence[object] | object = (),
        retries: int | None = None,
        retry_delay: float | None = None,
        retry_backoff: float | None = None,
        retry_on: ExceptionTypes | None = None,
        timeout: float | None = None,
        type: str | None = None,
        runtime: Runtime | None = None,
        resources: Resources | Mapping[str, object] | None = None,
        cache: bool | None = None,
        **unknown: Never,
    ) -> Checkpoint[P, R]:
        """Return a copy with other settings; `None` leaves one as it is.

        Args:
            id: Exact invocation id of the next call, unique in an execution.
            after: Calls this one comes after, as futures.
            retries: Further attempts after a failure.
            retry_delay: Seconds before the first of them.
            retry_backoff: What the delay is multiplied by each time.
            retry_on: Exceptions to try again after.
            timeout: Seconds for one attempt.
            type: What kind of work it is, for display.
            runtime: `"inline"` or `"isolated"`.
            resources: What an isolated one needs.
            cache: Reuse results across executions.
            **unknown: Refused.

        Raises:
            KitaruUsageError: For an unknown option, or a value that one does not take.
        """
        said: dict[str, Any] = {
            "retries": retries,
            "retry_delay": retry_delay,
            "retry_backoff": retry_backoff,
            "retry_on": retry_on,
            "timeout": timeout,
            "type": type,
            "runtime": runtime,
            "resources": resources,
            "cache": cache,
            **unknown,
        }
        given = {name: value for name, value in said.items() if value is not None}
        door = f"{self.name}.with_options"
        known_options.check(given, known_options.CHECKPOINT, door)
        if resources is not None:
            given["resources"] = _resources(self.name, resources)
        spec = replace(self._spec, **given)
        _check_resources(spec)
        options = self._options
        if id is not None:
            options = replace(options, id=_invocation_id(id, door))
        if after != ():
            options = replace(options, after=_sequence(after, door))
        changed: Checkpoint[P, R] = Checkpoint(spec, options)
        return changed._of(self._owner) if self._owner else changed

    def _split_options(
        self, kwargs: dict[str, Any]
    ) -> tuple[CallOptions, dict[str, Any]]:
        """Take `id=` and `after=` unless the function has parameters of these names."""
        options, rest = self._options, kwargs
        if "id" in rest and "id" not in self._parameters:
            rest = dict(rest)
            given = _invocation_id(rest.pop("id"), self.name)
            options = replace(options, id=given)
        if "after" in rest and "after" not in self._parameters:
            rest = dict(rest)
            after = _sequence(rest.pop("after"), self.name)
            options = replace(options, after=after)
        return options, rest

    def __repr__(self) -> str:
        return f"<Checkpoint {self.name}>"


@overload
def checkpoint(fn: Callable[P, R]) -> Checkpoint[P, R]: ...
@overload
def checkpoint(
    fn: None = None,
    *,
    retries: int = 0,
    retry_delay: float = 0.0,
    retry_backoff: float = 2.0,
    retry_on: ExceptionTypes = (Exception,),
    timeout: float | None = None,
    type: str | None = None,
    runtime: Runtime | None = None,
    resources: Resources | Mapping[str, object] | None = None,
    cache: bool | None = None,
) -> Callable[[Callable[P, R]], Checkpoint[P, R]]: ...
def checkpoint(
    fn: Callable[P, R] | None = None,
    *,
    retries: int = 0,
    retry_delay: float = 0.0,
    retry_backoff: float = 2.0,
    retry_on: ExceptionTypes = (Exception,),
    timeout: float | None = None,
    type: str | None = None,
    runtime: Runtime | None = None,
    resources: Resources | Mapping[str, object] | None = None,
    cache: bool | None = None,
    **unknown: Never,
) -> Checkpoint[P, R] | Callable[[Callable[P, R]], Checkpoint[P, R]]:
    """Keep the result of a function, so that no execution computes it twice.

    Args:
        fn: The function, plain or `async def`, when used without parentheses.
        retries: Further attempts after a failure; all are shown as one call.
        retry_delay: Seconds before the first further attempt (default 0).
        retry_backoff: What the delay is multiplied by for each further one (default 2).
        retry_on: Exceptions to try again after; all by default.
        timeout: Seconds for one attempt; then it fails with `TimeoutError`.
        type: What kind of work it is, such as `"llm_call"`, for display.
        runtime: `"inline"` (default) runs in the flow's process, `"isolated"` in one of
            its own: in a pod of its own on a remote stack.
        resources: What it needs, as `Resources(cpu=2, memory="4GB")` or a mapping; it is
            isolated then. Local stacks enforce none of it.
        cache: Reuse results across executions; off by default.
        **unknown: Refused.

    Returns:
        A `Checkpoint` with the function's own signature.

    Raises:
        KitaruUsageError: For an unknown option, a value that one does not take, or what
            is no function.

    Example:
        >>> @checkpoint(retries=2)
        ... def fetch(url: str) -> str:
        ...     return url.upper()
        >>> fetch.fn("a")
        'A'
    """

    given: dict[str, Any] = {
        "retries": retries,
        "retry_delay": retry_delay,
        "retry_backoff": retry_backoff,
        "retry_on": retry_on,
        "timeout": timeout,
        "type": type,
        "runtime": runtime,
        "resources": resources,
        "cache": cache,
        **unknown,
    }
    known_options.check(given, known_options.CHECKPOINT, "checkpoint")

    def decorate(function: Callable[P, R]) -> Checkpoint[P, R]:
        plain, foreign = _plain_function(function)
        refuse_generator(plain, "checkpoint")
        name = names.check_name("checkpoint", plain.__name__.strip("<>"))
        declared = given | {"resources": _resources(name, resources)}
        spec = CheckpointSpec(name=name, function=plain, foreign=foreign, **declared)
        _check_resources(spec)
        return Checkpoint(spec, CallOptions())

    return decorate if fn is None else decorate(fn)


def _plain_function(given: Any) -> tuple[Callable[..., Any], object]:
    """Return the function, and the ZenML step it comes from, if it does."""
    if inspect.isfunction(given):
        return given, None
    # Known by name, so that ZenML need not be imported to find out.
    is_step = any(
        base.__module__.startswith("zenml.") for base in given.__class__.__mro__
    )
    entrypoint = getattr(given, "entrypoint", None)
    if is_step and inspect.isfunction(entrypoint):
        return entrypoint, given
    raise KitaruUsageError(
        f"@checkpoint takes a function or a ZenML step, got {given.__class__.__name__}"
    )


def _check_resources(spec: CheckpointSpec) -> None:
    if spec.resources is None:
        return
    if spec.runtime == "inline":
        raise KitaruUsageError(
            f"checkpoint {spec.name!r}: resources need a process of their own; leave "
            "runtime='inline' out, or resources"
        )
    if spec.foreign is not None:
        raise KitaruUsageError(
            f"checkpoint {spec.name!r} is a ZenML step, which ZenML launches; give the "
            "step itself its resources: @step(settings={'resources': ...})"
        )


def _resources(
    name: str, given: Resources | Mapping[str, object] | None
) -> Resources | None:
    if given is None:
        return None
    return resources_of.read(given, place=f"checkpoint {name!r}: resources")


def unmapped(value: T) -> Unmapped[T]:
    """Give a sequence whole to every call of a `map` or `product`.

    Example:
        >>> summarize.map(documents, unmapped(glossary))  # doctest: +SKIP
    """
    return Unmapped(value)


def _invocation_id(given: Any, door: str) -> str | None:
    known_options.check({"id": given}, _OF_ONE_CALL, door)
    return None if given is None else names.check_name("invocation id", given)


def _sequence(after: Any, door: str) -> tuple[object, ...]:
    known_options.check({"after": after}, _OF_ONE_CALL, door)
    if after is None:
        return ()
    return tuple(after) if isinstance(after, list | tuple) else (after,)


def _are_calls(after: object) -> bool:
    return all(
        is_future(item)
        for item in (after if isinstance(after, list | tuple) else (after,))
    )


_OF_ONE_CALL = {
    "id": known_options.TEXT.or_none(),
    "after": known_options.Option(
        "futures of calls, as submit() and map() give them", _are_calls
    ).or_none(),
}


class CheckpointSettings(TypedDict, total=False):
    """How a call is run as a checkpoint; the words of `@checkpoint`."""

    retries: int
    retry_delay: float
    retry_backoff: float
    retry_on: ExceptionTypes
    timeout: float | None
    type: str


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
        raise KitaruUsageError(
            f"{what} must be a dict of settings, got {shorten(given)}"
        )
    known_options.check(given, known_options.CALL, what, is_call=False)
    return cast("CheckpointSettings", dict(given))


def call_as_checkpoint(
    work: Callable[[], T],
    *,
    id: str,
    name: str,
    inputs: object = None,
    settings: CheckpointSettings | None = None,
    recover: Callable[[Exception], T] | None = None,
    is_handled: bool = False,
) -> T:
    """Run `work` as a checkpoint of the running flow, or return what it returned before.

    Args:
        work: What to do.
        id: Invocation id: the same whenever the flow runs again, unique in an execution.
        name: Name of the checkpoint, shared by calls of one kind.
        inputs: What the work depends on; a replay that changed it does the work again.
        settings: How to run it.
        recover: Makes the outcome of a failure that no attempt is left for. What it
            returns is stored as the result, and `work` is not done again; what it
            raises is the failure of the call.
        is_handled: Whether a failure is an outcome from the first: somebody around makes
            something else of it, or says `unhandled`.

    Raises:
        KitaruContextError: Outside a flow body.
        Exception: Whatever `work` raises, after its retries, unless that is recovered.
    """
    runtime = scope.require_flow(name, inside_checkpoint="checkpoints do not nest")
    options = CallOptions(
        id=check_name("invocation id", id),
        work=lambda _: work(),
        recover=recover,
        is_handled=is_handled,
    )
    value: Any = runtime.call(_declared(name, settings), (inputs,), {}, options)
    return value  # type: ignore[no-any-return]  # T by the caller's word


async def acall_as_checkpoint(
    work: Callable[[], Awaitable[T]],
    *,
    id: str,
    name: str,
    inputs: object = None,
    settings: CheckpointSettings | None = None,
    recover: Callable[[Exception], Awaitable[T]] | None = None,
    is_handled: bool = False,
) -> T:
    """Do the same with work that is awaited, on the event loop that runs.

    If it is cancelled, nothing is stored and it runs again next time.
    """
    runtime = scope.require_flow(name, inside_checkpoint="checkpoints do not nest")
    options = CallOptions(
        id=check_name("invocation id", id),
        work=lambda _: work(),
        recover=recover,
        is_handled=is_handled,
    )
    value: Any = await runtime.call_async(
        _declared(name, settings), (inputs,), {}, options
    )
    return value  # type: ignore[no-any-return]  # T by the caller's word


def handled(error: BaseException) -> None:
    """Note that a failure of calls is handled, before a later call shows it.

    For work of several calls whose failure becomes something else, such as an agent in
    a tool: those calls are not made again after a crash. Elsewhere it does nothing.

    Args:
        error: The failure of a call, or what was raised from it.
    """
    here = scope.current()
    if here is not None and here.call is None:
        here.runtime.handled(error)


def unhandled(error: BaseException) -> None:
    """Note that nobody handled a failure that counted as handled: it runs again.

    Args:
        error: The failure of a call, or what was raised from it.
    """
    here = scope.current()
    if here is not None and here.call is None:
        here.runtime.unhandled(error)


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
