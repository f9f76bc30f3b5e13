"""Give a checkpoint body so many seconds.

Python cannot stop a thread from outside. A body in the main thread is interrupted by
a timer signal, also in a blocking system call; a body in another thread gets the
exception at its next Python instruction (`PyThreadState_SetAsyncExc`,
https://docs.python.org/3/c-api/init.html). Isolated bodies are killed.
"""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType


class _Overdue(BaseException):
    """Raised inside the body; user code catching `Exception` must not keep it."""


def limited(seconds: float | None, what: str) -> AbstractContextManager[None]:
    """Raise `TimeoutError` out of the `with` body after some seconds, if any."""
    return nullcontext() if seconds is None else _limited(seconds, what)


@contextmanager
def _limited(seconds: float, what: str) -> Iterator[None]:
    timer = (
        _alarm if threading.current_thread() is threading.main_thread() else _interrupt
    )
    try:
        with timer(seconds):
            yield
    except _Overdue:
        raise overdue(what, seconds) from None


def overdue(what: str, seconds: float) -> TimeoutError:
    """Return the error a user sees."""
    return TimeoutError(f"{what} took longer than its timeout of {seconds:g} s")


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _Overdue

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _interrupt(seconds: float) -> Iterator[None]:
    thread_id = threading.get_ident()
    lock = threading.Lock()
    over = False

    def raise_there() -> None:
        with lock:
            # Not after the body has ended: the thread does something else then.
            if not over:
                _raise_in(thread_id, ctypes.py_object(_Overdue))

    timer = threading.Timer(seconds, raise_there)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            over = True
            # One that was sent and has not arrived must not arrive later.
            _raise_in(thread_id, None)


def _raise_in(thread_id: int, error: object) -> None:
    """Let a thread raise an exception at its next instruction; `None` takes it back."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), error)
