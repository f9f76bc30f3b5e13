"""What adapters know of one execution in this process: runs, counts, gates."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from kitaru._core.flows import scope
from kitaru.adapters._shared import identity
from kitaru.adapters._shared.gate import Gate
from kitaru.adapters._shared.growing import Growing


@dataclass(frozen=True)
class Run:
    """One run of an agent in a flow.

    `alone` says that no other run was under way when it began: then its questions keep
    the plain names they were given. `conversation` is what its requests are compared by.
    """

    id: str
    agent: str
    alone: bool
    conversation: Growing = field(default_factory=Growing, compare=False, repr=False)


@dataclass(frozen=True)
class ToolCall:
    """The tool call whose body runs now, outside a checkpoint.

    `loop` is the event loop of the agent, `None` for one that runs without.
    """

    id: str
    run: Run
    loop: asyncio.AbstractEventLoop | None = None


_tool_call: ContextVar[ToolCall | None] = ContextVar("kitaru_tool_call", default=None)


class Activity:
    """The runs of one execution."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ordinals = identity.Ordinals()
        self._prefixes: dict[str, str] = {}
        self._runs: dict[str, Run] = {}
        self._gates: WeakKeyDictionary[asyncio.AbstractEventLoop, Gate] = (
            WeakKeyDictionary()
        )

    def announce(self, agent: str) -> str:
        """Return the id of the next run of an agent, where the code stands now."""
        within = call.id if (call := _tool_call.get()) else ""
        ordinal = self._ordinals.next(f"run/{within}/{identity.clean(agent)}")
        return identity.run(agent, ordinal, within=within)

    def name_run(self, key: str, run_id: str) -> None:
        """Remember the id of the run that a framework knows by `key`."""
        self._prefixes[key] = run_id

    @contextmanager
    def begun(self, key: str, agent: str) -> Iterator[Run]:
        """Count a run as under way."""
        with self._lock:
            known = self._prefixes.get(key)
            # Runs inside a tool belong to the run that called it.
            alone = not self._runs and _tool_call.get() is None
        run = Run(known or self.announce(agent), agent, alone)
        with self._lock:
            self._runs[key] = run
        try:
            yield run
        finally:
            with self._lock:
                self._runs.pop(key, None)

    @contextmanager
    def run(self, agent: str) -> Iterator[Run]:
        """Begin the next run of an agent, for a framework without ids of its own."""
        run_id = self.announce(agent)
        self.name_run(run_id, run_id)
        with self.begun(run_id, agent) as run:
            yield run

    def run_of(self, key: str) -> Run | None:
        """Return the run that is under way as `key`."""
        return self._runs.get(key)

    def unique(self, call_id: str) -> str:
        """Return the id of a call; with a count if it is made again."""
        return identity.repeated(call_id, self._ordinals.next(f"call/{call_id}"))

    def gate(self) -> Gate:
        """Return the gate of the event loop that runs."""
        loop = asyncio.get_running_loop()
        found = self._gates.get(loop)
        if found is None:
            found = self._gates[loop] = Gate()
        return found


_activities: WeakKeyDictionary[scope.FlowRuntime, Activity] = WeakKeyDictionary()


def activity() -> Activity | None:
    """Return the activity of the execution the code belongs to, `None` outside one."""
    here = scope.current()
    if here is None:
        return None
    found = _activities.get(here.runtime)
    if found is None:
        found = _activities.setdefault(here.runtime, Activity())
    return found


def current_tool_call() -> ToolCall | None:
    """Return the tool call whose body runs now."""
    return _tool_call.get()


@contextmanager
def inside_tool_call(call: ToolCall) -> Iterator[None]:
    """Run the body of a tool; what it starts belongs to that call."""
    token = _tool_call.set(call)
    try:
        yield
    finally:
        _tool_call.reset(token)
