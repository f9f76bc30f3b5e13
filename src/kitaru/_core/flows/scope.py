"""Where the running code stands: in a flow body, in a checkpoint, or outside.

The scope travels in a context variable, so it follows `await` and
`contextvars.copy_context()` into threads.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kitaru._core.calls.records import StoredArtifact, StoredValue
from kitaru._core.calls.usage import Purse
from kitaru._core.flows.specs import CallOptions, CheckpointSpec, WaitRequest
from kitaru.errors import KitaruContextError
from kitaru.models import Usage

if TYPE_CHECKING:
    import asyncio

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True

# Metadata key under which a checkpoint lists its calls of language models.
MODEL_CALLS = "llm_calls"


class FlowRuntime(Protocol):
    """What a flow body can do; the engine provides it."""

    execution_id: str
    purse: Purse

    def call(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
    ) -> object:
        """Run a checkpoint, or return what it returned before."""
        ...

    def call_async(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
    ) -> Awaitable[object]:
        """Do the same for an `async def` checkpoint; its id is given at the call."""
        ...

    def submit(
        self,
        spec: CheckpointSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: CallOptions,
    ) -> Any:
        """Run a checkpoint beside the flow body; returns a future."""
        ...

    def wait_all(self, requests: Sequence[WaitRequest]) -> list[object]:
        """Return the answers, or leave the flow body until all are there."""
        ...

    def ask(self, request: WaitRequest) -> Any:
        """Ask without stopping; returns a future."""
        ...

    def first(self, futures: Sequence[Any], count: int) -> Any:
        """Return the futures of those that were answered first."""
        ...

    def handled(self, error: BaseException) -> None:
        """Note that the flow goes on after a failure."""
        ...

    def unhandled(self, error: BaseException) -> None:
        """Note that a failure which counted as handled is none."""
        ...

    def check_process(self) -> None:
        """Refuse what is called in a process that was forked from the flow's."""
        ...

    def log(self, values: Mapping[str, Any]) -> None:
        """Add metadata to the execution."""
        ...

    def save(
        self,
        call: RunningCall,
        name: str,
        value: object,
        *,
        save_type: str,
        tags: Sequence[str],
    ) -> None:
        """Store a named value of a checkpoint."""
        ...

    def load(
        self, execution_id: str, name: str, call: RunningCall, *, trust: bool
    ) -> object:
        """Return a stored value."""
        ...

    def find(self, execution_id: str, name: str, trust: bool) -> Any:
        """Return a value of a finished call with its bytes, for another process."""
        ...


@dataclass
class RunningCall:
    """The checkpoint call whose body runs now, and what it has added so far."""

    invocation_id: str
    name: str
    metadata: dict[str, Any] = field(default_factory=dict)
    artifacts: list[StoredArtifact] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    # The result, where the process that ran the body has stored it already.
    output: StoredValue | None = None
    # Ends a process that the body has to itself.
    stop: Callable[[], None] = lambda: None
    # What cannot be done in a checkpoint and was tried. A framework that runs in the body
    # may have made a text of the error for its model.
    refused: list[KitaruContextError] = field(default_factory=list)

    def refuse(self, error: KitaruContextError) -> KitaruContextError:
        """Remember what was tried, and return the error to raise."""
        self.refused.append(error)
        return error


@dataclass(frozen=True)
class Scope:
    """A flow body (`call` is `None`) or a checkpoint body."""

    runtime: FlowRuntime
    call: RunningCall | None = None


_current: ContextVar[Scope | None] = ContextVar("kitaru_scope", default=None)


# Whether a flow body has started this thread, or what it works at.
_beside_a_flow: ContextVar[bool] = ContextVar("kitaru_beside_a_flow", default=False)


def current() -> Scope | None:
    """Return the scope of the running code, `None` outside any flow."""
    return _current.get()


class entered:  # a function to its users; a class costs a third of a generator
    """Run the body of a `with` in a scope."""

    __slots__ = ("_scope", "_token")

    def __init__(self, scope: Scope | None) -> None:
        self._scope = scope

    def __enter__(self) -> None:
        self._token = _current.set(self._scope)

    def __exit__(self, *_raised: object) -> None:
        _current.reset(self._token)


def is_beside_a_flow() -> bool:
    """Whether threads that start here, or this one, are a flow body's and have no scope."""
    here = _current.get()
    return _beside_a_flow.get() if here is None else here.call is None


def beside_a_flow(work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Do the work of a thread that a flow body has started."""
    token = _beside_a_flow.set(True)
    try:
        return work(*args, **kwargs)
    finally:
        _beside_a_flow.reset(token)


def outside(what: str, advice: str) -> KitaruContextError:
    """Return the error for what is called outside any flow, with the advice for there."""
    if _beside_a_flow.get():
        return KitaruContextError(
            f"{what} was called in a thread that the flow body has started, which is no "
            "part of the flow: its calls would come in another order each time. Call it "
            "in the flow body, or make the thread's work a checkpoint and start that "
            "with .submit() or .map()"
        )
    return KitaruContextError(advice)


def require_flow(what: str, *, inside_checkpoint: str) -> FlowRuntime:
    """Return the runtime if the running code is a flow body.

    Args:
        what: What was called, for the message.
        inside_checkpoint: The advice when it was called in a checkpoint.

    Raises:
        KitaruContextError: Outside a flow body.
    """
    scope = _current.get()
    if scope is None:
        raise outside(
            what,
            f"{what} works inside a running flow only; call it from a function "
            "decorated with @flow and start that with .run(...)",
        )
    if scope.call is not None:
        raise scope.call.refuse(
            KitaruContextError(
                f"{what} was called inside checkpoint {scope.call.invocation_id!r}; "
                f"{inside_checkpoint}"
            )
        )
    return scope.runtime


def require_checkpoint(what: str) -> tuple[FlowRuntime, RunningCall]:
    """Return runtime and call if the running code is a checkpoint body.

    Raises:
        KitaruContextError: Outside a checkpoint.
    """
    scope = _current.get()
    if scope is None or scope.call is None:
        place = "in a flow body" if scope else "outside a flow"
        raise KitaruContextError(
            f"{what} was called {place}; it works inside a checkpoint only"
        )
    return scope.runtime, scope.call


def spend(usage: Usage) -> None:
    """Note what requests to a language model took; any thread of a checkpoint may.

    It becomes durable with the outcome of the checkpoint, a failure included.

    Raises:
        KitaruContextError: Outside a checkpoint.
    """
    require_checkpoint("spend()")[1].usages.append(usage)


def in_event_loop() -> bool:
    """Whether an event loop runs in this thread.

    Most flows have none, and asyncio is a third of what Python would load for them: where
    nobody has imported it no loop runs.
    """
    loops = sys.modules.get("asyncio")
    return loops is not None and loops._get_running_loop() is not None


def current_task() -> asyncio.Task[Any] | None:
    """Return the task that runs here, if an event loop does."""
    return sys.modules["asyncio"].current_task() if in_event_loop() else None
