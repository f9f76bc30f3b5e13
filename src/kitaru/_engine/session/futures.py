"""Checkpoint calls that run beside the flow body."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Generic, TypeVar, overload

from kitaru._core.flows.signals import FlowSignal
from kitaru._engine.session.endings import Control
from kitaru._engine.settings import limits
from kitaru.errors import KitaruStateError

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True

R = TypeVar("R")
DEFAULT_WIDTH = 10
WIDTH_VARIABLE = "KITARU_CONCURRENCY"


class CheckpointFuture(Generic[R]):
    """A checkpoint call that was submitted; its result when it is there.

    Attributes:
        invocation_id: Name of the call in its execution, such as `fetch_2`.

    Example:
        >>> pages = [fetch.submit(url) for url in urls]  # doctest: +SKIP
        >>> texts = [page.result() for page in pages]  # doctest: +SKIP
    """

    def __init__(self, invocation_id: str, future: Future[R], control: Control) -> None:
        self.invocation_id = invocation_id
        self._future = future
        self._control = control

    def result(self, timeout: float | None = None) -> R:
        """Return the checkpoint's value, waiting for it up to `timeout` seconds.

        Raises:
            KitaruStateError: If it takes longer.
            Exception: Whatever the checkpoint raised, after its retries.
        """
        try:
            return self._future.result(timeout)
        except FutureTimeoutError as error:
            if self._future.done():
                # The checkpoint itself raised a TimeoutError.
                self._control.delivered(self.invocation_id)
                raise
            raise KitaruStateError(
                f"checkpoint {self.invocation_id!r} has no result after {timeout} s; it "
                "goes on running"
            ) from error
        except Exception:
            self._control.delivered(self.invocation_id)
            raise

    load = result

    def done(self) -> bool:
        """Whether the call has an outcome."""
        return self._future.done()

    def outcome(self) -> R:
        """Return the value, or raise the failure, without the flow having seen it."""
        return self._future.result()

    def has_failed(self) -> bool:
        """Whether the call is over and raised."""
        if not self._future.done():
            return False
        return isinstance(self._future.exception(), Exception)

    def deliver(self) -> None:
        """Note that the flow was given the failure, if there is one."""
        if self.has_failed():
            self._control.delivered(self.invocation_id)

    def settle(self) -> None:
        """Wait for the outcome without taking it."""
        try:
            self._future.exception()
        # A signal reaches the flow through its next call.
        except FlowSignal:
            return

    def __await__(self) -> Generator[Any, None, R]:
        return self._awaited().__await__()

    async def _awaited(self) -> R:
        import asyncio

        await asyncio.wait([asyncio.wrap_future(self._future)])
        return self.result()

    def __repr__(self) -> str:
        state = "done" if self.done() else "running"
        return f"<CheckpointFuture {self.invocation_id} {state}>"


class CheckpointFutures(Sequence[CheckpointFuture[R]]):
    """The calls of one `map` or `product`, in input order."""

    def __init__(self, futures: Iterable[CheckpointFuture[R]]) -> None:
        self._futures = tuple(futures)

    def results(self) -> list[R]:
        """Return all values in input order, when the last one is there.

        Raises:
            Exception: The first failure in input order; the other calls have finished.
        """
        try:
            return self.outcomes()
        except Exception:
            # The failures of the others are part of what the flow now knows.
            for future in self._futures:
                future.deliver()
            raise

    load = results

    def outcomes(self) -> list[R]:
        """Do the same without the flow having seen a failure."""
        for future in self._futures:
            future.settle()
        return [future.outcome() for future in self._futures]

    @overload
    def __getitem__(self, index: int) -> CheckpointFuture[R]: ...
    @overload
    def __getitem__(self, index: slice) -> CheckpointFutures[R]: ...
    def __getitem__(
        self, index: int | slice
    ) -> CheckpointFuture[R] | CheckpointFutures[R]:
        """Return one call, or some of them."""
        if isinstance(index, slice):
            return CheckpointFutures(self._futures[index])
        return self._futures[index]

    def __len__(self) -> int:
        return len(self._futures)

    def __iter__(self) -> Iterator[CheckpointFuture[R]]:
        return iter(self._futures)

    def __repr__(self) -> str:
        return f"<CheckpointFutures {[f.invocation_id for f in self._futures]}>"


class Pool:
    """The threads for submitted calls of one execution, started when needed.

    Calls start in the order they were submitted. One that waits for another only ever
    waits for an earlier one, so a bounded pool cannot lock up.
    """

    def __init__(self, width: int, control: Control) -> None:
        self._width = width
        self._control = control
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._open: set[CheckpointFuture[Any]] = set()

    def submit(self, invocation_id: str, work: Callable[[], R]) -> CheckpointFuture[R]:
        """Run `work` in a thread, in a copy of the caller's context."""
        context = contextvars.copy_context()
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(
                    self._width, thread_name_prefix="kitaru-checkpoint"
                )
            raw = self._executor.submit(context.run, work)
            future = CheckpointFuture(invocation_id, raw, self._control)
            self._open.add(future)
        raw.add_done_callback(lambda _: self._open.discard(future))
        return future

    def settle(self) -> None:
        """Wait until no submitted call runs."""
        while True:
            with self._lock:
                running = list(self._open)
            if not running:
                return
            for future in running:
                future.settle()
                self._open.discard(future)

    def close(self) -> None:
        """Wait for the calls and end the threads."""
        self.settle()
        if self._executor is not None:
            self._executor.shutdown(wait=True)


def configured_width() -> int:
    """Return how many submitted calls may run at once: KITARU_CONCURRENCY, or 10.

    Raises:
        KitaruUsageError: If it is no positive number.
    """
    meaning = "how many checkpoints may run at once"
    return limits.number(WIDTH_VARIABLE, DEFAULT_WIDTH, least=1, meaning=meaning)


def resolve(value: Any) -> Any:
    """Return a value with futures in it, one level deep, replaced by their results."""
    if type(value) in (list, tuple) and any(is_future(item) for item in value):
        return type(value)(_outcome(item) for item in value)
    if type(value) is dict and any(is_future(item) for item in value.values()):
        return {key: _outcome(item) for key, item in value.items()}
    return _outcome(value)


def _outcome(value: Any) -> Any:
    if isinstance(value, CheckpointFuture):
        return value.outcome()
    if isinstance(value, CheckpointFutures):
        return value.outcomes()
    return value


def failed(value: object) -> list[str]:
    """Return the invocation ids of the futures in a value that have failed."""
    return [future.invocation_id for future in _futures(value) if future.has_failed()]


def resolve_all(values: Iterable[Any]) -> list[Any]:
    """Return values with those that are futures replaced by their results."""
    return [value.load() if is_future(value) else value for value in values]


def is_future(value: object) -> bool:
    """Whether a value is the future of a call, or those of several."""
    return isinstance(value, CheckpointFuture | CheckpointFutures)


def producers(value: object) -> list[str]:
    """Return the invocation ids of the futures in a value, one level deep."""
    return [future.invocation_id for future in _futures(value)]


def _futures(value: object) -> list[CheckpointFuture[Any]]:
    if isinstance(value, CheckpointFuture):
        return [value]
    if isinstance(value, CheckpointFutures):
        return list(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [one for item in value if is_future(item) for one in _futures(item)]
    return []
