"""`@flow`: a durable function, and the handle of its executions."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Never, ParamSpec, TypeVar, overload

from kitaru._core import sources
from kitaru._core.calls import breakpoints, failures, names, tracebacks
from kitaru._core.flows import inputs as rules
from kitaru._core.flows import scope, specs
from kitaru._core.flows.specs import FlowSpec, refuse_generator
from kitaru._core.settings import labels, options, settings
from kitaru._core.settings.budgets import Budget
from kitaru._core.settings.images import ImageSettings
from kitaru._core.settings.labels import Labels
from kitaru._core.settings.notify import Told
from kitaru._core.settings.settings import Recover, Settings
from kitaru._core.values.tagging import anything
from kitaru._core.words.similar import closest
from kitaru._engine import flow_loading
from kitaru._engine.open import current_engine
from kitaru._engine.port.engine import Launch
from kitaru._engine.port.execution import Ending
from kitaru._engine.runners import delivery, waking
from kitaru._engine.settings import configuration, folders
from kitaru._ops import executions, keys, replays, settling
from kitaru._ops.capabilities import SDK, Op, exposes
from kitaru.errors import (
    KitaruContextError,
    KitaruDivergenceError,
    KitaruExecutionError,
    KitaruStateError,
    KitaruUsageError,
    KitaruUserCodeError,
)
from kitaru.models import Execution, ExecutionStatus, FailureOrigin

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True

P = ParamSpec("P")
R = TypeVar("R")

Money = Budget | Mapping[str, Any]
Image = ImageSettings | Mapping[str, Any] | str
# How alike a word has to be to an option, to have been meant as one: `retrys`.
_MISSPELT = 0.7
_OPTIONS = options.FLOW
_BREAK = "break_before"
_CALL_OPTIONS = {**options.FLOW, **options.LABELS}


@dataclass(frozen=True)
class FlowHandle(Generic[R]):
    """One execution, as seen by whoever started it."""

    exec_id: str
    _ending: Ending | None = None
    # Keeps a flow that no file has alive as long as somebody may continue it here.
    _spec: FlowSpec | None = None

    def __repr__(self) -> str:
        name = f" of {self._spec.name}" if self._spec else ""
        return f"<FlowHandle {self.exec_id}{name}>"

    @property
    @exposes(Op.EXECUTION_GET, on=SDK)
    def status(self) -> ExecutionStatus:
        """Where the execution stands now."""
        return current_engine().get(self.exec_id).status

    def get(self) -> R:
        """Return the flow's result now.

        Raises:
            KitaruUserCodeError: If the flow failed; the user's exception is the cause.
            KitaruStateError: If it is not finished, or was cancelled.
        """
        return self._outcome(current_engine().get(self.exec_id))

    def wait(self, timeout: float | None = None) -> R:
        """Return the flow's result as soon as there is one.

        Without `timeout` it waits for a running execution, but not for a person: on a
        paused one it raises at once. With `timeout` it waits that many seconds for
        either.

        Raises:
            KitaruUserCodeError: If the flow failed; the user's exception is the cause.
            KitaruStateError: If it is paused, was cancelled, or time is up.
        """
        patient = timeout is not None
        is_settled = settling.has_ended if patient else settling.does_not_run
        return self._outcome(
            settling.until_settled(self.exec_id, is_settled, within=timeout)
        )

    def _outcome(self, execution: Execution) -> R:
        if execution.status is ExecutionStatus.COMPLETED:
            return self._value()
        if execution.status is ExecutionStatus.FAILED:
            raise self._failure(execution)
        raise KitaruStateError(settling.why_no_result(execution))

    def _value(self) -> R:
        ending = self._ending
        if ending is not None and ending.has_value:
            value: R = ending.value
            return value
        stored: R = current_engine().result(self.exec_id)  # type: ignore[assignment]  # typed by the flow
        return stored

    def _failure(self, execution: Execution) -> KitaruExecutionError:
        info = execution.failure
        origin = info.origin if info else FailureOrigin.UNKNOWN
        kind = _ERRORS.get(origin, KitaruExecutionError)
        reason = (
            f"{_kind(info.exception_type) or origin.value}: {info.message}"
            if info
            else "unknown"
        )
        error = kind(
            f"execution {self.exec_id} of {execution.flow_name} failed with {reason}"
            f"{_advice(origin, self.exec_id)}",
            exec_id=self.exec_id,
            status=execution.status.value,
            failure_origin=origin.value,
        )
        cause = self._ending.error if self._ending else None
        if cause is None and origin is FailureOrigin.USER_CODE:
            # What it may not run here is not in it.
            stored = current_engine().failure(self.exec_id)
            cause = failures.rebuild(stored, anything) if stored else None
        if cause is not None:
            error.__cause__ = tracebacks.without_ours(
                cause, all_frames=folders.is_on("KITARU_DEBUG")
            )
        # Tracebacks show notes; whoever compares messages does not meet them.
        if more := _more(cause) or _more(error):
            error.add_note(more)
        return error


_ERRORS: dict[FailureOrigin, type[KitaruExecutionError]] = {
    FailureOrigin.USER_CODE: KitaruUserCodeError,
    FailureOrigin.DIVERGENCE: KitaruDivergenceError,
}


def _advice(origin: FailureOrigin, exec_id: str) -> str:
    """Return what to do next; a divergence says so itself."""
    if origin is FailureOrigin.DIVERGENCE:
        return ""
    return f". After the cause is gone: kitaru executions retry {exec_id}"


def _more(error: BaseException | None) -> str | None:
    # Nothing of it is needed as long as all goes well.
    from kitaru._ops import documentation

    return documentation.where_explained(error)


class Flow(Generic[P, R]):
    """A durable function; start it with `run`.

    Its checkpoints keep their results, so an execution that failed or was killed goes
    on where it stopped.
    """

    def __init__(
        self,
        spec: FlowSpec,
        declared: Settings,
        given: Settings | None = None,
        break_before: tuple[str, ...] = (),
        found_by: Labels | None = None,
    ) -> None:
        self._spec = spec
        self._break_before = break_before
        self._declared = declared
        # What `with_options` says counts as said by the call.
        self._given = given or Settings()
        self._labels = found_by or Labels()
        functools.update_wrapper(self, spec.function)
        flow_loading.register(
            self,
            flow_loading.Declared(spec, declared, self._given, self._labels),
        )

    @property
    def name(self) -> str:
        """The name of the flow."""
        return self._spec.name

    @property
    def fn(self) -> Callable[P, R]:
        """The plain function, for tests."""
        return self._spec.function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Refuse: a flow is started with `run`."""
        raise KitaruUsageError(
            f"flow {self.name!r} was called like a function; start it with "
            f"{self.name}.run(...), and read its result with .wait()"
        )

    @exposes(Op.EXECUTION_LAUNCH, on=SDK)
    def run(self, *args: Any, **kwargs: Any) -> FlowHandle[R]:
        """Start an execution; on a local stack, run it to its end or its next pause.

        Takes the flow's own arguments, and the options of `with_options` unless the
        flow has parameters of these names. An execution that fails or pauses still
        gives a handle; its `wait()` raises.

        With a `key` that an execution of this flow has already, its handle comes back
        and nothing is started, whatever the arguments.

        Raises:
            KitaruUsageError: For wrong arguments, or a key of another flow; nothing was
                started.
            KitaruContextError: Inside a flow or checkpoint.

        Example:
            >>> handle = research_agent.run("durable execution")  # doctest: +SKIP
            >>> handle.wait()  # doctest: +SKIP
        """
        flow_loading.refuse_while_loading()
        _refuse_nesting(self.name)
        stops, kwargs = self._split_breakpoints(kwargs)
        given, found_by, kwargs = self._split_options(kwargs)
        inputs = rules.complete(self._spec, args, kwargs)
        wanted = configuration.for_launch(self._declared, given)
        launch = Launch(self._spec, inputs, wanted, break_before=stops, labels=found_by)
        return self._handle(
            *keys.start(found_by.key, self.name, lambda: self._begin(launch))
        )

    def _begin(self, launch: Launch) -> tuple[str, Ending | None]:
        engine = current_engine()
        with delivery.delivering(engine), waking.waking(engine):
            if self._spec.is_async and scope.in_event_loop():
                return _in_thread(lambda: engine.launch(launch))
            return engine.launch(launch)

    @exposes(Op.EXECUTION_REPLAY, on=SDK)
    def replay(
        self,
        exec_id: str,
        *,
        from_: str,
        overrides: Mapping[str, Any] | None = None,
        reuse_waits: bool = False,
        inputs: Mapping[str, Any] | None = None,
        **flow_inputs: Any,
    ) -> FlowHandle[R]:
        """Run an earlier execution again from a chosen checkpoint, as a new execution.

        Calls before the anchor give back their recorded results; the anchor and what
        comes after it run. Behind an override or a changed input, a call before the
        anchor whose own inputs changed runs again as well.

        Args:
            exec_id: The earlier execution, by id or unique prefix; not a running one.
            from_: The anchor: checkpoint name, invocation id or call id.
            overrides: `checkpoint.<selector>` to the value that replaces its result.
            reuse_waits: Take over answers given before the anchor; by default waits
                are asked again.
            inputs: Arguments of the flow to change, by name; for names that are taken.
            **flow_inputs: The same, and the options of `with_options` but `key` unless
                the flow has parameters of these names. What is not given is as it was
                for the earlier execution; tags and attributes add to its own.

        Raises:
            KitaruUsageError: For an unknown anchor, override or input; nothing started.
            KitaruStateError: If the earlier execution is running.
            KitaruContextError: Inside a flow or checkpoint.
        """
        flow_loading.refuse_while_loading()
        _refuse_nesting(self.name)
        stops, flow_inputs = self._split_breakpoints(flow_inputs)
        given, found_by, changed = self._split_options(flow_inputs)
        changed = {**rules.named(inputs, "replay(inputs=...)"), **changed}
        self._check_same_flow(exec_id)
        prepared = replays.prepare(
            exec_id,
            from_=from_,
            overrides=overrides,
            reuse_waits=reuse_waits,
            inputs=changed,
            flow=self._spec,
            given=given,
            break_before=stops,
            found_by=found_by,
        )
        current_engine().tell(prepared.notes)
        handle = self._handle(*self._begin(prepared.launch))
        hint = replays.how_to_compare(handle.exec_id, prepared.source)
        current_engine().tell([hint])
        return handle

    async def areplay(
        self, exec_id: str, *, from_: str, **wanted: Any
    ) -> FlowHandle[R]:
        """Do what `replay` does without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.replay, exec_id, from_=from_, **wanted)

    async def arun(self, *args: Any, **kwargs: Any) -> FlowHandle[R]:
        """Do what `run` does without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.run, *args, **kwargs)

    @exposes(Op.BREAK, on=SDK)
    def with_options(
        self,
        *,
        stack: str | None = None,
        image: Image | None = None,
        cache: bool | None = None,
        retries: int | None = None,
        break_before: Sequence[str] | None = None,
        budget: Money | None = None,
        recover: Recover | None = None,
        notify: Told | None = None,
        key: str | None = None,
        tags: Sequence[str] | None = None,
        attributes: Mapping[str, str | float] | None = None,
        **unknown: Never,
    ) -> Flow[P, R]:
        """Return a copy of the flow with other options; `None` leaves one as it is.

        They count as given in the call.

        Args:
            stack: Stack to run on.
            image: Container image, for remote stacks.
            cache: Default of `cache` for its checkpoints.
            retries: Default of `retries` for its checkpoints.
            break_before: Checkpoints and calls before which an execution stops, to be
                looked at: see `docs/breakpoints.md`. On local stacks.
            **unknown: Refused.

        Args:
            stack: Stack to run on.
            image: Container image, for remote stacks.
            cache: Default of `cache` for its checkpoints.
            retries: Default of `retries` for its checkpoints.
            budget: What it may spend on language models before it asks.
            recover: `auto`: it goes on by itself after its process died.
            notify: Who is told of its waits and its end; `False` for nobody.
            key: What an execution is for, such as an order: the same key gives the same
                execution, whoever starts it and however often.
            tags: Words to list executions by; ZenML's tags of the run, too. They add up.
            attributes: Names with values to list executions by; ZenML's metadata of the
                run, too. They add up.
            **unknown: Refused.

        Raises:
            KitaruUsageError: For an unknown option, or a value that one does not take.
        """
        said = {"key": key, "tags": tags, "attributes": attributes}
        door = f"{self.name}.with_options"
        options.check({**unknown, **said}, _CALL_OPTIONS, door)
        wanted = {
            "stack": stack,
            "image": image,
            "cache": cache,
            "retries": retries,
            "budget": budget,
            "recover": recover,
            "notify": notify,
        }
        changes = settings.check(wanted, configuration.CALL)
        given = settings.merge(self._given, changes)
        stops = self._break_before
        if break_before is not None:
            stops = breakpoints.checked(break_before, "break_before")
        found_by = labels.merge(self._labels, Labels.from_dict(said))
        return Flow(self._spec, self._declared, given, stops, found_by)

    def __repr__(self) -> str:
        return f"<Flow {self._spec.source.reference}>"

    def _check_same_flow(self, exec_id: str) -> None:
        recorded = executions.get(exec_id).flow_name
        if recorded != self.name:
            raise KitaruUsageError(
                f"execution {exec_id} is one of flow {recorded!r}, not of {self.name!r}; "
                f"replay it with {recorded}.replay(...)"
            )

    def _split_options(
        self, kwargs: dict[str, Any]
    ) -> tuple[Settings, Labels, dict[str, Any]]:
        """Return what the call says in all, and the arguments of the flow."""
        own = self._parameters()
        self._refuse_misspelt(kwargs, own)
        wanted = {
            name: kwargs[name]
            for name in _CALL_OPTIONS
            if name in kwargs and name not in own
        }
        rest = {name: value for name, value in kwargs.items() if name not in wanted}
        said = {name: wanted.pop(name) for name in options.LABELS if name in wanted}
        options.check(said, options.LABELS, f"{self.name}.run")
        found_by = labels.merge(self._labels, Labels.from_dict(said))
        given = settings.check(wanted, configuration.CALL)
        return settings.merge(self._given, given), found_by, rest

    def _split_breakpoints(
        self, kwargs: dict[str, Any]
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Return the breakpoints of a call, and what else it was given."""
        if _BREAK not in kwargs or _BREAK in self._parameters():
            return self._break_before, kwargs
        rest = {name: value for name, value in kwargs.items() if name != _BREAK}
        return breakpoints.checked(kwargs[_BREAK], _BREAK), rest

    def _refuse_misspelt(self, kwargs: Mapping[str, Any], own: set[str]) -> None:
        """Refuse what is no argument of the flow and looks like an option."""
        if any(
            p.kind is p.VAR_KEYWORD for p in self._spec.signature.parameters.values()
        ):
            return
        for name, value in kwargs.items():
            if name in own or name in _CALL_OPTIONS:
                continue
            # Anything else is told that the flow has no such input.
            near = closest(name, [*own, *_CALL_OPTIONS], limit=1, cutoff=_MISSPELT)
            if near and near[0] not in own:
                options.check({name: value}, _CALL_OPTIONS, self.name)

    def _parameters(self) -> set[str]:
        return set(self._spec.signature.parameters)

    def _handle(self, execution_id: str, ending: Ending | None) -> FlowHandle[R]:
        if ending is not None and isinstance(
            ending.error, KeyboardInterrupt | SystemExit
        ):
            # Ctrl-C and exit() mean the process as well; the execution is safe.
            raise type(ending.error)(*ending.error.args) from None
        if ending is not None and ending.status is ExecutionStatus.RUNNING:
            assert ending.error is not None  # says who has it now
            raise ending.error
        return FlowHandle(execution_id, ending, self._spec)


@overload
def flow(fn: Callable[P, R]) -> Flow[P, R]: ...
@overload
def flow(
    fn: None = None,
    *,
    stack: str | None = None,
    image: Image | None = None,
    cache: bool | None = None,
    retries: int | None = None,
    budget: Money | None = None,
    recover: Recover | None = None,
    notify: Told | None = None,
    on_failure: specs.OnFailure | None = None,
    on_wait: specs.OnWait | None = None,
) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def flow(
    fn: Callable[P, R] | None = None,
    *,
    stack: str | None = None,
    image: Image | None = None,
    cache: bool | None = None,
    retries: int | None = None,
    budget: Money | None = None,
    recover: Recover | None = None,
    notify: Told | None = None,
    on_failure: specs.OnFailure | None = None,
    on_wait: specs.OnWait | None = None,
    **unknown: Never,
) -> Flow[P, R] | Callable[[Callable[P, R]], Flow[P, R]]:
    """Make a function durable: start it with `.run(...)`.

    Args:
        fn: The function, plain or `async def`, when used without parentheses.
        stack: Stack to run on; the active one by default.
        image: Container image, for remote stacks: its name, an `ImageSettings`, or a
            mapping of its fields.
        cache: Default of `cache` for its checkpoints.
        retries: Default of `retries` for its checkpoints.
        budget: What an execution may spend on language models before it asks: a
            `Budget`, or a mapping with `usd` or `tokens`.
        recover: What becomes of an execution whose process died: `ask` (a person types
            `retry`, the default) or `auto` (it goes on by itself).
        notify: Who is told of waits and ends: a URL, or a mapping with `webhook`,
            `secret`, `alerter`, `remind`, `timeout`, `link`; `False` for nobody.
        on_failure: Called with execution id and failure when an attempt has failed.
        on_wait: Called with execution id and wait when one is opened.
        **unknown: Refused.

    Returns:
        A `Flow` with the function's own signature.

    Raises:
        KitaruUsageError: For an unknown option, a value that one does not take, or what
            is no function.

    Example:
        >>> @flow
        ... def double(n: int) -> int:
        ...     return n * 2
        >>> double.run(21).wait()  # doctest: +SKIP
        42
    """
    options.check(unknown, _OPTIONS, "flow")
    said = {"stack": stack, "image": image, "cache": cache, "retries": retries}
    declared = settings.check(
        {**said, "budget": budget, "recover": recover, "notify": notify},
        configuration.DECORATOR,
    )
    hooks = specs.Hooks.checked(on_failure=on_failure, on_wait=on_wait)

    def decorate(function: Callable[P, R]) -> Flow[P, R]:
        _check_function(function)
        refuse_generator(function, "flow")
        name = names.check_name("flow", function.__name__)
        source = sources.describe(function)
        return Flow(FlowSpec(name, function, source, hooks), declared)

    return decorate if fn is None else decorate(fn)


def _check_function(function: object) -> None:
    if not inspect.isfunction(function):
        raise KitaruUsageError(
            f"@flow takes a function, got {type(function).__name__}: {function!r}"
        )


def _refuse_nesting(name: str) -> None:
    here = scope.current()
    if here is not None:
        place = f"checkpoint {here.call.invocation_id!r}" if here.call else "a flow"
        error = KitaruContextError(
            f"flow {name!r} was started inside {place}; flows do not nest. Call its "
            "checkpoints from this flow, or run it from outside"
        )
        raise here.call.refuse(error) if here.call else error


def _in_thread(
    work: Callable[[], tuple[str, Ending | None]],
) -> tuple[str, Ending | None]:
    """Run `work` beside the event loop of this thread, which is busy (a notebook)."""
    import contextvars

    context = contextvars.copy_context()
    results: list[tuple[str, Ending | None]] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(context.run(work))
        # Carried over to the calling thread.
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    thread = threading.Thread(target=target, name="kitaru-flow")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _kind(exception_type: str | None) -> str | None:
    return exception_type and exception_type.removeprefix("builtins.")
