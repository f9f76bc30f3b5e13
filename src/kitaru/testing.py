"""Test your own flows in milliseconds: no store, no server, no waiting people.

The flow runs on an engine in memory, with the same rules and the same storage formats
as the real one.

Example:
    >>> from kitaru import checkpoint, flow, wait
    >>> from kitaru.testing import FlowTester
    >>> @checkpoint
    ... def draft(topic: str) -> str:
    ...     return f"about {topic}"
    >>> @flow
    ... def writing(topic: str) -> str:
    ...     text = draft(topic)
    ...     return text if wait(schema=bool, name="ok") else "rejected"
    >>> with FlowTester(answers={"ok": True}) as tester:
    ...     run = tester.run(writing, "cats")
    >>> (run.result, run.ran)
    ('about cats', ['draft'])

As a pytest fixture: put `pytest_plugins = ["kitaru.testing"]` into your `conftest.py`
and take the argument `kitaru_flows`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kitaru._engine.memory import recorded
from kitaru._engine.memory.clock import VirtualClock
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.memory.recorded import RecordingEngine
from kitaru._engine.open import use_engine
from kitaru._engine.runners import schedules
from kitaru._ops import recordings
from kitaru.client import KitaruClient
from kitaru.errors import KitaruDivergenceError, KitaruUsageError
from kitaru.flows import Flow, FlowHandle
from kitaru.models import Execution, ExecutionStatus


class FlowTester:
    """Runs flows in memory while its `with` block is open.

    Args:
        answers: Answers by name of the wait. One value answers all waits of that name
            (`ok`, `ok_2` …) in every run; a list answers them one after the other, and
            starts anew for every run. A wait without an answer left pauses the run.
        always_replay: Whether the body runs again from the top after every result, as it
            would if the process died there each time. A body that does not make the
            same calls with the same arguments again fails with `KitaruDivergenceError`;
            checkpoints run once all the same, but one that fails beside others may run
            again, as it would after a death in the middle of it.

    The clock of its waits and timers stands still until `advance` moves it on.

    Attributes:
        client: A `KitaruClient` of the memory engine.
    """

    def __init__(
        self, *, answers: Mapping[str, Any] | None = None, always_replay: bool = False
    ) -> None:
        self.client = KitaruClient()
        self._clock = VirtualClock()
        self._engine = MemoryEngine(
            clock=self._clock, notifies=False, always_again=always_replay
        )
        self._answers: dict[str, Any] = {}
        self._runs: list[FlowRun] = []
        self._is_open = False
        self._stack = ExitStack()
        for name, value in (answers or {}).items():
            self.answer(name, value)

    def __enter__(self) -> FlowTester:
        self._stack.enter_context(use_engine(self._engine))
        self._is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        self._is_open = False
        self._stack.close()

    def answer(self, name: str, value: Any) -> None:
        """Script the answers to the waits of a name; see `answers` above."""
        self._answers[name] = list(value) if isinstance(value, list) else value

    def run(
        self,
        flow: Flow[..., Any],
        *args: Any,
        kill_after: str | None = None,
        **inputs: Any,
    ) -> FlowRun:
        """Run a flow until it ends, or waits for what has no scripted answer.

        Args:
            flow: A function decorated with `@flow`.
            *args: Its arguments.
            kill_after: Invocation id of the checkpoint after whose result the "process"
                dies; the execution has then failed and can be retried.
            **inputs: Its arguments by name.

        Raises:
            KitaruUsageError: For wrong arguments, if no call had that id, or if the
                tester is not open.
        """
        with self._dying(kill_after):
            run = FlowRun(self, flow, flow.run(*args, **inputs))
            return self._answer_waits(run)

    def retry(self, run: FlowRun, *, kill_after: str | None = None) -> FlowRun:
        """Let a failed or killed run go on; returns the same run.

        Raises:
            KitaruStateError: If it has not failed.
        """
        with self._dying(kill_after):
            before = len(run.ran)
            self.client.executions.retry(run.exec_id)
            del self._engine.executions[run.exec_id].bodies_run[:before]
            return self._answer_waits(run)

    def replay(
        self, run: FlowRun, *, from_: str, kill_after: str | None = None, **wanted: Any
    ) -> FlowRun:
        """Replay a run from a checkpoint; takes what `Flow.replay` takes."""
        with self._dying(kill_after):
            handle = run.flow.replay(run.exec_id, from_=from_, **wanted)
            return self._answer_waits(FlowRun(self, run.flow, handle))

    @property
    def now(self) -> datetime:
        """The time that waits and timers of this tester go by, in UTC."""
        return self._clock()

    @property
    def notices(self) -> list[dict[str, Any]]:
        """What webhooks would have been told: nothing is sent from a tester."""
        return [dict(notice.payload) for notice in self._engine.notices.kept]

    def advance(self, by: float | timedelta) -> None:
        """Let time pass: what expires, wakes or is to start does so, in its order.

        Scripted answers are given to waits that come up on the way.

        Args:
            by: Seconds or a `timedelta`.

        Raises:
            KitaruUsageError: For a time that does not go forward.

        Example:
            >>> from kitaru import flow, sleep
            >>> @flow
            ... def reminder() -> str:
            ...     sleep(timedelta(days=3))
            ...     return "it is time"
            >>> with FlowTester() as tester:
            ...     run = tester.run(reminder)
            ...     tester.advance(timedelta(days=3))
            ...     run.result
            'it is time'
        """
        span = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if span <= timedelta(0):
            raise KitaruUsageError(f"advance({by!r}): time goes forward only")
        end = self._clock() + span
        while (due := self._engine.next_due()) is not None and due <= end:
            self._clock.move_to(due)
            schedules.fire(self._engine)
            for run in self._runs:
                self._answer_waits(run)
        self._clock.move_to(end)

    def bodies_run(self, exec_id: str) -> list[str]:
        """Return the invocation ids whose bodies ran since the last `run` or `retry`."""
        return list(self._engine.executions[exec_id].bodies_run)

    @contextmanager
    def _dying(self, kill_after: str | None) -> Iterator[None]:
        """Let the "process" die after that call, which has to come."""
        if not self._is_open:
            raise KitaruUsageError(
                "this FlowTester is not open; use it as: with FlowTester() as tester"
            )
        self._engine.kill_after = kill_after
        try:
            yield
            missed = self._engine.kill_after is not None
        finally:
            self._engine.kill_after = None
        if missed:
            raise KitaruUsageError(
                f"kill_after={kill_after!r}: no checkpoint call of that invocation id had "
                "a result in this run"
            )

    def _answer_waits(self, run: FlowRun) -> FlowRun:
        while True:
            for wait in run.execution.pending_waits:
                left = self._answers_left(run, wait.name)
                if left:
                    break
            else:
                return run
            run.answered.append(wait.name)
            self.client.executions.input(run.exec_id, wait=wait.name, value=left[0])

    def _answers_left(self, run: FlowRun, name: str) -> Sequence[Any]:
        """Return the scripted answers that this run has not had yet."""
        key = self._key(name)
        scripted = self._answers.get(key, [])
        if isinstance(scripted, list):
            used = Counter(map(self._key, run.answered))[key]
            return scripted[used:]
        # Asked again: a validator of the schema has refused it.
        return [] if name in run.answered else [scripted]

    def _key(self, name: str) -> str:
        return name if name in self._answers else _base(name)


class FlowRun:
    """One execution in a test: how it stands, and what ran in it.

    Attributes:
        flow: The flow.
        answered: Names of the waits that had a scripted answer, in order.
    """

    def __init__(
        self, tester: FlowTester, flow: Flow[..., Any], handle: FlowHandle[Any]
    ) -> None:
        self.flow = flow
        self.answered: list[str] = []
        self._tester = tester
        self._handle = handle
        tester._runs.append(self)

    @property
    def exec_id(self) -> str:
        """The execution id."""
        return self._handle.exec_id

    @property
    def execution(self) -> Execution:
        """The execution with its checkpoints, artifacts, open wait and failure."""
        return self._tester.client.executions.get(self.exec_id)

    @property
    def status(self) -> ExecutionStatus:
        """Where it stands."""
        return self.execution.status

    @property
    def result(self) -> Any:
        """What the flow returned.

        Raises:
            KitaruUserCodeError: If it failed; the flow's own exception is the cause.
            KitaruStateError: If it waits or was cancelled.
        """
        return self._handle.get()

    @property
    def ran(self) -> list[str]:
        """Invocation ids whose bodies ran, in order, since the last `run` or `retry`."""
        return self._tester.bodies_run(self.exec_id)

    @property
    def reused(self) -> list[str]:
        """Invocation ids whose results were there before, in the order of the calls.

        Overridden ones, too: their bodies did not run.
        """
        ran = set(self.ran)
        return [
            call.invocation_id
            for call in self.execution.checkpoints
            if call.invocation_id not in ran
        ]

    @property
    def waits_for(self) -> str | None:
        """The name of the open wait."""
        wait = self.execution.pending_wait
        return wait.name if wait else None

    def input(self, value: Any = None, *, wait: str | None = None) -> FlowRun:
        """Answer the open wait by hand; returns the same run."""
        self._tester.client.executions.input(self.exec_id, wait=wait, value=value)
        return self._tester._answer_waits(self)

    def assert_ran(self, *invocation_ids: str) -> None:
        """Fail unless exactly these bodies ran, in this order."""
        self._compare("ran", self.ran, invocation_ids)

    def assert_reused(self, *invocation_ids: str) -> None:
        """Fail unless exactly these results were reused, in this order."""
        self._compare("reused", self.reused, invocation_ids)

    def _compare(self, what: str, found: Sequence[str], wanted: Sequence[str]) -> None:
        if list(found) != list(wanted):
            raise AssertionError(f"{what} {list(found)}, expected {list(wanted)}")


def _base(name: str) -> str:
    """Return the name that a repeated wait was given: `ok` of `ok_2`."""
    return re.sub(r"_\d+$", "", name)


def _fixture() -> Any:
    """Return the pytest fixture, where pytest is installed."""
    try:
        import pytest
    except ImportError:
        return None

    @pytest.fixture
    def kitaru_flows() -> Iterator[FlowTester]:
        """A `FlowTester` that is open during the test."""
        with FlowTester() as tester:
            yield tester

    return kitaru_flows


def replay_recording(
    flow: Flow[..., Any], file: str | Path, *, inputs: Mapping[str, Any] | None = None
) -> Any:
    """Run a flow as it is now against a recording; no body of a checkpoint runs.

    Results of checkpoints and answers come from the file, failures are raised again.
    Nothing is asked of a network, no key is needed.

    Args:
        flow: The flow, whose name is that of the recorded one.
        file: What `kitaru executions export EXEC -o FILE` has written.
        inputs: Arguments of the flow by name in place of recorded ones: those that are
            masked in the file, or of classes that it cannot hold.

    Returns:
        What the flow returns; `None` if it failed or waits as it did when recorded, or
        was stopped then.

    Raises:
        KitaruDivergenceError: If it makes another call, gives a call other arguments,
            or ends otherwise; names both sides.
        KitaruUsageError: If the file is no recording of this flow, or its inputs do not
            fit the flow.

    Example:
        >>> replay_recording(article, "tests/article.json")  # doctest: +SKIP
        'published'
    """
    recording = recordings.read(Path(file))
    if recording.flow_name != flow.name:
        raise KitaruUsageError(
            f"{file} is a recording of flow {recording.flow_name!r}, not of {flow.name!r}"
        )
    if recording.inputs is None and inputs is None:
        raise KitaruUsageError(
            f"the inputs of {file} are of classes that it cannot hold; give them: "
            "replay_recording(flow, file, inputs={...})"
        )
    engine = RecordingEngine(recording)
    with use_engine(engine):
        handle = flow.run(**{**(recording.inputs or {}), **(inputs or {})})
        found = KitaruClient().executions.get(handle.exec_id)
        is_done = found.status is ExecutionStatus.COMPLETED
        value = handle.get() if is_done else None
    problem = recorded.problem(recording, found, engine)
    if problem is not None:
        raise KitaruDivergenceError(
            f"{flow.name} is not as in {file}: {problem}", exec_id=recording.exec_id
        )
    return value


kitaru_flows = _fixture()
