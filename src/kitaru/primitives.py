"""What code inside flows and checkpoints can ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Never

from kitaru._core.calls.names import check_name
from kitaru._core.flows import scope
from kitaru._core.flows.specs import Default, WaitRequest
from kitaru._core.settings import notify as notifying
from kitaru._core.settings import options
from kitaru._core.settings.notify import Told
from kitaru._core.waits import answers
from kitaru._core.waits.terms import seconds_or_moment
from kitaru._core.words.similar import shorten
from kitaru._engine.session.waiting import WaitFuture
from kitaru.errors import KitaruUsageError

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True

# No default: `None` may be one.
UNSET: Any = type("Unset", (), {"__repr__": lambda _: "UNSET"})()

SaveType = Literal["prompt", "response", "context", "input", "output", "blob"]
_SAVE_TYPES = ("prompt", "response", "context", "input", "output", "blob")


class Wait:
    """`kitaru.wait`: call it to ask and pause, or `submit` to ask and go on."""

    # It was a function, and has the name of one where others look.
    __name__ = "wait"

    def __reduce__(self) -> str:
        return self.__name__

    def __call__(
        self,
        *positional: Never,
        schema: Any = None,
        name: str | None = None,
        question: str | None = None,
        timeout: float | None = None,
        metadata: Mapping[str, Any] | None = None,
        expires: float | timedelta | datetime | None = None,
        default: Any = UNSET,
        notify: Told | None = None,
        **unknown: Never,
    ) -> Any:
        """Pause the flow for a person or another system, and return the answer.

        The answer comes with `kitaru executions input`, the client or the MCP server, at
        any time: the process may end meanwhile, nothing polls. `finally:` blocks of the
        flow run when it does.

        Args:
            *positional: Refused: options are given by name.
            schema: Type of the answer, anything pydantic can describe. Without it the wait
                is a plain gate and returns `None`.
            name: Handle to answer it by; `wait`, `wait_2`, … by default.
            question: What is asked, for people.
            timeout: Seconds (default 600) that this process stays and polls. It is no
                expiry: later answers continue the execution in a new process.
            metadata: Further JSON data to show with the question.
            expires: When the wait is over without an answer: seconds or a `timedelta` from
                the moment it is asked, or a `datetime` with a time zone. Never by default.
            default: The answer when it expires; must fit `schema`. Without one the wait
                raises `KitaruWaitExpired`.
            notify: Who is told when the wait opens and is over, in place of what the
                execution says: a URL, `{"webhook": URL, "secret": NAME}` (signed, as
                Standard Webhooks say), `{"alerter": True}`, with `"remind": SECONDS`
                again and again while it is open; `False` for nobody.
            **unknown: Refused.

        Returns:
            The answer as an instance of `schema`.

        Raises:
            KitaruWaitExpired: In the flow body, if nobody answered before it expired. When
                the body runs again, it does again.
            KitaruContextError: Outside a flow body.
            KitaruUsageError: If an option is unknown or wrong, pydantic cannot describe
                `schema`, `expires` is in the past, or `default` does not fit.

        Example:
            >>> approved = wait(schema=bool, question="Publish?")  # doctest: +SKIP
            >>> go = wait(schema=bool, expires=3600, default=False)  # doctest: +SKIP
        """
        given = dict(
            schema=schema,
            name=name,
            question=question,
            timeout=timeout,
            metadata=metadata,
            expires=expires,
            default=default,
            notify=notify,
            **unknown,
        )
        (answer,) = wait_for_all([_checked(positional, given, "wait")])
        return answer

    def submit(self, *positional: Never, **given: Any) -> WaitFuture[Any]:
        """Ask without stopping; `.result()` of what is returned waits for the answer.

        Several may be open at once, and people answer them in any order. On a server,
        which allows an execution one open wait, each is asked when it is needed.

        Args:
            *positional: Refused.
            **given: What `wait` takes.

        Returns:
            A future with the `name` of the wait.

        Raises:
            KitaruContextError: Outside a flow body.
            KitaruUsageError: As for `wait`.

        Example:
            >>> legal = wait.submit(schema=bool, name="legal")  # doctest: +SKIP
            >>> sales = wait.submit(schema=bool, name="sales")  # doctest: +SKIP
            >>> go = legal.result() and sales.result()  # doctest: +SKIP
        """
        asked: WaitFuture[Any] = _runtime().ask(
            _wait_request(**_checked(positional, given, "wait.submit"))
        )
        return asked

    def first(
        self, futures: Sequence[WaitFuture[Any]], count: int = 1
    ) -> list[WaitFuture[Any]]:
        """Pause until so many of some questions are answered; return those.

        Which were first is an outcome: when the body runs again they are the same. An
        expiry counts like an answer.

        Args:
            futures: What `submit` returned.
            count: How many.

        Returns:
            The futures of the earliest answers, the earliest first.

        Raises:
            KitaruContextError: Outside a flow body.
            KitaruUsageError: If `count` is not between 1 and how many there are.
        """
        given = list(futures)
        if not all(isinstance(one, WaitFuture) for one in given):
            raise KitaruUsageError(
                f"wait.first({shorten(given)}): give it what wait.submit() returned"
            )
        if isinstance(count, bool) or not isinstance(count, int):
            raise KitaruUsageError(
                f"wait.first(count={shorten(count)}): count must be a whole number"
            )
        if not 1 <= count <= len(given):
            raise KitaruUsageError(
                f"wait.first(count={count}): count must be from 1 to {len(given)}, the "
                "questions it was given"
            )
        found: list[WaitFuture[Any]] = _runtime().first(given, count)
        return found


wait = Wait()


def _checked(
    positional: Sequence[object], given: dict[str, Any], door: str
) -> dict[str, Any]:
    options.refuse_positional(positional, options.WAIT, door)
    options.check(given, options.WAIT, door)
    return given


def _runtime() -> scope.FlowRuntime:
    return scope.require_flow(
        "wait()", inside_checkpoint="waits belong in the flow body, between checkpoints"
    )


def wait_for_all(waits: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Ask several questions at once, and return the answers in their order.

    For adapters. All are open together, and people answer them in any order.

    Args:
        waits: The arguments of `wait` for each.

    Raises:
        KitaruContextError: Outside a flow body.
        KitaruUsageError: If pydantic cannot describe a `schema`.
    """
    return _runtime().wait_all([_wait_request(**wait) for wait in waits])


def _wait_request(
    *,
    schema: Any = None,
    name: str | None = None,
    question: str | None = None,
    timeout: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    expires: float | timedelta | datetime | None = None,
    default: Any = UNSET,
    notify: Told | None = None,
) -> WaitRequest:
    if name is not None:
        check_name("wait", name)
    if default is not UNSET and expires is None:
        raise KitaruUsageError(
            f"wait(default={shorten(default)}) is the answer when the wait expires, and "
            "this one never does; say when: wait(expires=..., default=...)"
        )
    return WaitRequest(
        schema=schema,
        name=name,
        question=question,
        timeout=answers.DEFAULT_TIMEOUT if timeout is None else float(timeout),
        metadata=dict(metadata or {}),
        expires=None if expires is None else seconds_or_moment(expires),
        default=None if default is UNSET else Default(default),
        notify=None
        if notify is None
        else notifying.read(notify, place="wait(notify=…)"),
    )


def sleep(
    until: float | timedelta | datetime,
    *,
    timeout: float | None = None,
    **unknown: Never,
) -> None:
    """Let the flow go on later; no process is needed meanwhile.

    The execution is `waiting`, with until when. A process that is killed while it sleeps
    has lost nothing, and when the body runs again a sleep that is over is not slept again.

    Args:
        until: Seconds or a `timedelta` from now, or a `datetime` with a time zone. A
            moment that has passed lets the flow go on at once.
        timeout: Seconds (default 600) that this process stays. A longer sleep goes on in
            another one: that of the local server, of `kitaru reconcile --watch`, a worker
            that goes on with other executions, or the next command that looks at it.
        **unknown: Refused.

    Raises:
        KitaruContextError: Outside a flow body.
        KitaruUsageError: For negative seconds, more than a year of them, or a `datetime`
            without a time zone.

    Example:
        >>> sleep(timedelta(days=3))  # doctest: +SKIP
    """
    options.check(
        {"until": until, "timeout": timeout, **unknown}, options.SLEEP, "sleep"
    )
    runtime = scope.require_flow(
        "sleep()",
        inside_checkpoint="a timer belongs in the flow body, between checkpoints; in a "
        "checkpoint use time.sleep()",
    )
    runtime.wait_all(
        [
            WaitRequest(
                name="sleep",
                timeout=answers.DEFAULT_TIMEOUT if timeout is None else float(timeout),
                expires=seconds_or_moment(until),
                kind="timer",
            )
        ]
    )


def log(**values: Any) -> None:
    """Add metadata to the running checkpoint, or to the execution in a flow body.

    Dicts of the same key merge, other values replace earlier ones. Values are JSON
    data; others are kept as text.

    Raises:
        KitaruContextError: Outside a flow.
        KitaruUsageError: For `llm_calls`, where calls of `llm()` are listed.
    """
    here = scope.current()
    if here is None:
        raise scope.outside(
            "log()", "log() works inside a running flow or checkpoint only"
        )
    if scope.MODEL_CALLS in values:
        raise KitaruUsageError(
            f"log({scope.MODEL_CALLS}=…): calls of llm() are listed under that name; use "
            "another one"
        )
    plain = {key: _plain(value) for key, value in values.items()}
    here.runtime.check_process()
    if here.call is None:
        here.runtime.log(plain)
        return
    known = here.call.metadata
    for key, value in plain.items():
        old = known.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            known[key] = {**old, **value}
        else:
            known[key] = value


def save(
    name: str,
    value: Any,
    *,
    type: SaveType = "output",
    tags: Sequence[str] | None = None,
) -> None:
    """Keep a named value of the running checkpoint, beside its result.

    Args:
        name: Unique within the checkpoint call.
        value: Anything a checkpoint may return. A `Path` stands for the file it names:
            its content is kept, and `load()` gives the path of a copy.
        type: What it is: prompt, response, context, input, output or blob.
        tags: Labels to find it by.

    Raises:
        KitaruContextError: Outside a checkpoint.
        KitaruUsageError: For an unknown type, a name used twice, or a value that
            cannot be stored.
    """
    runtime, call = scope.require_checkpoint("save()")
    if type not in _SAVE_TYPES:
        raise KitaruUsageError(
            f"save(type={type!r}) is not known; use one of {', '.join(_SAVE_TYPES)}"
        )
    runtime.save(call, name, value, save_type=type, tags=tuple(tags or ()))


def load(exec_id: str, name: str, *, trust: bool = False) -> Any:
    """Return a value another execution, or an earlier checkpoint of this one, stored.

    Args:
        exec_id: Execution id; unique prefixes are taken.
        name: A name given to `save()`, a checkpoint's name or an invocation id.
        trust: Load even what another user stored, which may run their code.

    Raises:
        KitaruContextError: Outside a checkpoint.
        KitaruUsageError: If there is no such execution or value, or reading it would run
            code of another user and `trust` is not given.
        KitaruRuntimeError: If the stored bytes are missing or damaged.
    """
    runtime, call = scope.require_checkpoint("load()")
    return runtime.load(exec_id, name, call, trust=trust)


def current_execution_id() -> str | None:
    """Return the id of the execution the running code belongs to, else `None`."""
    here = scope.current()
    return here.runtime.execution_id if here else None


def call_key() -> str:
    """Return a key of the running checkpoint call, for effects that must happen once.

    It is the same in every attempt of the call, after a crash and in another process
    too, and no other call of any execution has it: what an `Idempotency-Key` header
    asks for. Calls of a replay belong to a new execution, and have keys of their own.

    Raises:
        KitaruContextError: Outside a checkpoint.

    Example:
        >>> @checkpoint  # doctest: +SKIP
        ... def charge(order: str) -> str:
        ...     return pay(order, headers={"Idempotency-Key": call_key()})
    """
    runtime, call = scope.require_checkpoint("call_key()")
    return f"{runtime.execution_id}/{call.invocation_id}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
