"""How a flow body is ended, whatever user code catches on the way."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from kitaru._core.calls import failures
from kitaru._core.calls.records import CallRecord
from kitaru._core.flows import scope
from kitaru._core.flows.signals import Suspended
from kitaru._core.flows.specs import FlowSpec, Hooks
from kitaru._core.secrecy import masking
from kitaru._engine.port.execution import Ending, Reporter
from kitaru.errors import KitaruContextError
from kitaru.models import PendingWait

if TYPE_CHECKING:
    import asyncio


class Line(NamedTuple):
    """One line of execution in a flow body: a thread, or a task in it."""

    thread: threading.Thread
    task: asyncio.Task[Any] | None

    @classmethod
    def here(cls) -> Line:
        """Return the line that runs this."""
        return cls(threading.current_thread(), scope.current_task())

    @property
    def is_over(self) -> bool:
        """Whether it has ended, and handed on what it was given or not."""
        if self.task is not None:
            return self.task.done()
        return not self.thread.is_alive()


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """A call that failed: its record, and the very exception that the flow is given."""

    record: CallRecord
    error: BaseException


class Control:
    """Remembers why the body has to end, and which failures it was given.

    A failure is caught when a later call shows that the flow went on: the line that got
    it makes one, or any line does once that line is over. One that is handled by a
    framework counts as caught from the first. If the attempt ends with that very
    exception, it was only passed on, and the call runs again in the next attempt.

    Args:
        on_caught: Told which failed calls the flow went on after, and which it did not
            go on after in spite of a later call: by their records.
    """

    def __init__(self, on_caught: Callable[[Sequence[CallRecord]], None]) -> None:
        self._on_caught = on_caught
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._failed: dict[str, Failed] = {}
        self._passed_on: dict[str, tuple[str, ...]] = {}
        self._delivered: list[tuple[Line, str]] = []
        self._caught: set[str] = set()
        # Once set, every call of the body raises it: control flow that user code
        # caught must not be lost.
        self.ending: BaseException | None = None

    def end(self, reason: BaseException) -> BaseException:
        """End the body: this and every later call of it raises `reason`."""
        if self.ending is None:
            self.ending = reason
        elif isinstance(self.ending, Suspended) and isinstance(reason, Suspended):
            self.ending.also_at(reason)
        return self.ending

    def check(self) -> None:
        """Raise the reason if the body has to end.

        Raises:
            KitaruContextError: In a process that was forked from the flow's.
        """
        self.check_process()
        if self.ending is not None:
            raise self.ending

    def check_process(self) -> None:
        """Refuse what is called in a process that was forked from the flow's.

        Raises:
            KitaruContextError: There; an execution belongs to one process.
        """
        if os.getpid() != self._process:
            raise KitaruContextError(
                f"this process, {os.getpid()}, was forked from the flow's, "
                f"{self._process}, and an execution belongs to one process; let the flow "
                "itself call checkpoints, wait(), log(), save() and load(), with what the "
                "forked process hands back"
            )

    def leave_fork(self, error: BaseException | None) -> None:
        """End a forked process that has come to the end of what its parent runs.

        Neither what it returns nor what it raises is an outcome of the flow.
        """
        if os.getpid() == self._process:
            return
        status = 0 if error is None else 1
        if isinstance(error, SystemExit):
            status = (
                error.code if isinstance(error.code, int) else int(bool(error.code))
            )
        elif error is not None:
            traceback.print_exception(error)
        for stream in (sys.stdout, sys.stderr):
            # Whoever reads it may be gone.
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)

    def failed(self, record: CallRecord, error: BaseException) -> None:
        """Note that the failure of a call was recorded in this attempt."""
        with self._lock:
            self._failed[record.invocation_id] = Failed(record, error)
            if record.caught:
                self._caught.add(record.invocation_id)

    def raised_again(self, record: CallRecord, error: BaseException) -> None:
        """Note that the flow was given a failure that it caught in an earlier attempt."""
        with self._lock:
            self._failed[record.invocation_id] = Failed(record, error)
            self._caught.add(record.invocation_id)

    def passes_on(self, invocation_id: str, arguments: Iterable[str]) -> None:
        """Note that a call has no failure of its own: these calls are its arguments."""
        with self._lock:
            self._passed_on[invocation_id] = tuple(
                origin for name in arguments for origin in self._origins(name)
            )

    def delivered(self, invocation_id: str) -> None:
        """Note that the flow body was given the failure of a call, on this line."""
        line = Line.here()
        with self._lock:
            self._delivered += [(line, name) for name in self._origins(invocation_id)]

    def _origins(self, invocation_id: str) -> tuple[str, ...]:
        """Return the calls whose recorded failures this one hands over."""
        own = (invocation_id,) if invocation_id in self._failed else ()
        return self._passed_on.get(invocation_id, own)

    def went_on(self, *, on_path: bool = True) -> None:
        """Note that the body goes on: the failures it was given are caught by now.

        Args:
            on_path: Whether it is the main line of the body, which has also caught what
                its threads were given: a thread of a pool is never over.
        """
        if not self._delivered:
            return
        here = Line.here()
        with self._lock:
            caught, rest = [], []
            for line, name in self._delivered:
                beside = on_path and line.task is None
                if line == here or line.is_over or beside:
                    caught.append(name)
                else:
                    rest.append((line, name))
            self._delivered = rest
            new = [name for name in dict.fromkeys(caught) if name not in self._caught]
            self._caught.update(new)
        self._tell(new, is_caught=True)

    def handled(self, error: BaseException) -> None:
        """Note that the body goes on after a failure; no later call has to show it.

        Args:
            error: The failure, or what was raised from it.
        """
        known = {id(cause) for cause in failures.causes(error)}
        with self._lock:
            caught = {
                name
                for _, name in self._delivered
                if id(self._failed[name].error) in known
            }
            self._delivered = [
                (line, name) for line, name in self._delivered if name not in caught
            ]
            new = caught - self._caught
            self._caught |= new
        self._tell(sorted(new), is_caught=True)

    def unhandled(self, error: BaseException) -> None:
        """Note that nothing handled a failure which counted as handled.

        Args:
            error: The failure, or what was raised from it.
        """
        known = {id(cause) for cause in failures.causes(error)}
        with self._lock:
            names = [n for n in self._caught if id(self._failed[n].error) in known]
            self._caught.difference_update(names)
        self._tell(sorted(names), is_caught=False)

    def ended_with(self, error: BaseException) -> None:
        """Note what ended the attempt: a failure that did so was not caught."""
        ending = list(_parts_of(error))
        with self._lock:
            names = [
                name
                for name in self._caught
                if any(self._failed[name].error is part for part in ending)
            ]
            self._caught.difference_update(names)
        self._tell(names, is_caught=False)

    def _tell(self, names: Iterable[str], *, is_caught: bool) -> None:
        records = [self._failed[name].record for name in names]
        if records:
            self._on_caught([replace(record, caught=is_caught) for record in records])


def _parts_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and, if it is a group, what it holds."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _parts_of(part)


def tell_failure(
    flow: FlowSpec, execution_id: str, ending: Ending, reporter: Reporter
) -> None:
    """Tell the hook of a flow of the failure that ended an attempt, once it is stored."""
    hook = flow.hooks.on_failure
    if hook is None or ending.error is None or ending.origin is None:
        return
    failure = failures.describe(failures.store(ending.error, ending.origin))
    _tell("on_failure", lambda: hook(execution_id, failure), reporter)


def tell_wait(
    hooks: Hooks, execution_id: str, wait: PendingWait, reporter: Reporter
) -> None:
    """Tell the hook of a flow of a wait that is open; a timer needs nobody."""
    hook = hooks.on_wait
    if hook is not None and wait.kind != "timer":
        _tell("on_wait", lambda: hook(execution_id, wait), reporter)


def _tell(name: str, call: Callable[[], object], reporter: Reporter) -> None:
    try:
        # It is no part of the flow: a checkpoint that it calls would be another path.
        with scope.entered(None):
            call()
    # Whatever it raises is the user's, and no reason to lose an execution.
    except Exception as error:  # noqa: BLE001
        text = masking.text(failures.message_of(error))
        reporter.warn(f"{name} raised {type(error).__name__}: {text}")
