"""`@checkpoint`: a function whose result is kept."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, ParamSpec, TypeVar, overload

from kitaru._core import names, scope
from kitaru._core.specs import CallOptions, CheckpointSpec, Runtime
from kitaru.errors import KitaruUsageError

P = ParamSpec("P")
R = TypeVar("R")

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
        functools.update_wrapper(self, spec.function)

    @property
    def name(self) -> str:
        """The name of the checkpoint, the first part of its invocation ids."""
        return self._spec.name

    @property
    def fn(self) -> Callable[P, R]:
        """The plain function, for tests."""
        return self._spec.function

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
        value: Any = call(self._spec, args, rest, options)
        return value  # type: ignore[no-any-return]  # R by the user's annotation

    def with_options(
        self,
        *,
        id: str | None = None,
        after: Sequence[object] | object = (),
        retries: int | None = None,
        type: str | None = None,
        runtime: Runtime | None = None,
        cache: bool | None = None,
    ) -> Checkpoint[P, R]:
        """Return a copy with other settings; `None` leaves one as it is.

        Args:
            id: Exact invocation id of the next call, unique in an execution.
            after: Calls this one comes after, as futures.
            retries: Further attempts after a failure.
            type: What kind of work it is, for display.
            runtime: `"inline"` or `"isolated"`.
            cache: Reuse results across executions.
        """
        given: dict[str, Any] = {
            "retries": retries,
            "type": type,
            "runtime": runtime,
            "cache": cache,
        }
        spec = replace(
            self._spec,
            **{name: value for name, value in given.items() if value is not None},
        )
        _check(spec)
        options = self._options
        if id is not None:
            options = replace(options, id=names.check_name("invocation id", id))
        if after != ():
            options = replace(options, after=_sequence(after))
        return Checkpoint(spec, options)

    @property
    def _is_async(self) -> bool:
        return inspect.iscoroutinefunction(self._spec.function)

    def _split_options(
        self, kwargs: dict[str, Any]
    ) -> tuple[CallOptions, dict[str, Any]]:
        """Take `id=` and `after=` unless the function has parameters of these names."""
        options, rest = self._options, kwargs
        if "id" in rest and "id" not in self._parameters:
            rest = dict(rest)
            options = replace(options, id=rest.pop("id"))
        if "after" in rest and "after" not in self._parameters:
            rest = dict(rest)
            options = replace(options, after=_sequence(rest.pop("after")))
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
    type: str | None = None,
    runtime: Runtime | None = None,
    cache: bool | None = None,
) -> Callable[[Callable[P, R]], Checkpoint[P, R]]: ...
def checkpoint(
    fn: Callable[P, R] | None = None,
    *,
    retries: int = 0,
    type: str | None = None,
    runtime: Runtime | None = None,
    cache: bool | None = None,
) -> Checkpoint[P, R] | Callable[[Callable[P, R]], Checkpoint[P, R]]:
    """Keep the result of a function, so that no execution computes it twice.

    Args:
        fn: The function, plain or `async def`, when used without parentheses.
        retries: Further attempts after a failure; all are shown as one call.
        type: What kind of work it is, such as `"llm_call"`, for display.
        runtime: `"inline"` (default) runs in the flow's process, `"isolated"` in one of
            its own.
        cache: Reuse results across executions; off by default.

    Returns:
        A `Checkpoint` with the function's own signature.

    Example:
        >>> @checkpoint(retries=2)
        ... def fetch(url: str) -> str:
        ...     return url.upper()
        >>> fetch.fn("a")
        'A'
    """

    def decorate(function: Callable[P, R]) -> Checkpoint[P, R]:
        if not inspect.isfunction(function):
            raise KitaruUsageError(
                f"@checkpoint takes a function, got {function.__class__.__name__}"
            )
        spec = CheckpointSpec(
            name=names.check_name("checkpoint", function.__name__.strip("<>")),
            function=function,
            retries=retries,
            type=type,
            runtime=runtime or "inline",
            cache=bool(cache),
        )
        _check(spec)
        return Checkpoint(spec, CallOptions())

    return decorate if fn is None else decorate(fn)


def _check(spec: CheckpointSpec) -> None:
    retries: object = spec.retries  # users may pass anything
    if not isinstance(retries, int) or retries < 0:
        raise KitaruUsageError(
            f"checkpoint {spec.name!r}: retries must be 0 or more, got {spec.retries!r}"
        )
    if spec.runtime not in ("inline", "isolated"):
        raise KitaruUsageError(
            f"checkpoint {spec.name!r}: runtime must be 'inline' or 'isolated', got "
            f"{spec.runtime!r}"
        )


def _sequence(after: object) -> tuple[object, ...]:
    return tuple(after) if isinstance(after, list | tuple) else (after,)
