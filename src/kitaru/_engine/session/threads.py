"""Threads that a checkpoint starts belong to it, as the code does that starts them.

Python gives a new thread no context. What such a thread prints and logs would be nobody's,
and `log()` in it would be refused. A thread of a flow body stays without: its calls would
come in another order each time. It is marked, so that the refusal can say that.
"""

from __future__ import annotations

import concurrent.futures.thread
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from kitaru._core.flows import scope
from kitaru._core.flows.scope import Scope

# What a thread of a pool runs: work of whoever asks, one after the other.
_OF_A_POOL = getattr(concurrent.futures.thread, "_worker", None)


@functools.cache
def belong_to_their_checkpoint() -> None:
    """Let it be so from now on, in this process.

    Nothing changes for threads that are started outside flows.
    """
    threading.Thread.start = _starting(threading.Thread.start)  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = _submitting(ThreadPoolExecutor.submit)  # type: ignore[method-assign]


def _starting(start: Any) -> Any:
    @functools.wraps(start)
    def started(thread: threading.Thread) -> None:
        around = _around()
        if around is not None and getattr(thread, "_target", None) is not _OF_A_POOL:
            thread.run = functools.partial(around, thread.run)  # type: ignore[method-assign]
        start(thread)

    return started


def _submitting(submit: Any) -> Any:
    @functools.wraps(submit)
    def submitted(
        pool: ThreadPoolExecutor, work: Any, /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        around = _around()
        future: Future[Any] = (
            submit(pool, work, *args, **kwargs)
            if around is None
            else submit(pool, around, work, *args, **kwargs)
        )
        return future

    return submitted


def _around() -> Callable[..., Any] | None:
    """Return what is to do the work of a thread that starts here; `None`: nobody of ours."""
    here = scope.current()
    if here is not None and here.call is not None:
        return functools.partial(_inside, here)
    return scope.beside_a_flow if scope.is_beside_a_flow() else None


def _inside(here: Scope, work: Any, /, *args: Any, **kwargs: Any) -> Any:
    with scope.entered(here):
        return work(*args, **kwargs)
