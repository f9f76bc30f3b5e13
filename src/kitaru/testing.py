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

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from kitaru._engine.memory import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru.client import KitaruClient
from kitaru.errors import KitaruUsageError
from kitaru.flows import Flow, FlowHandle
from kitaru.models import Execution, ExecutionStatus


class FlowTester:
    """Runs flows in memory while its `with` block is open.

    Args:
        answers: Answers by name of the wait: one value, or a list of them for the
            waits of that name in every run, one after the other. A wait without an
            answer pauses the execution.

    Attributes:
        client: A `KitaruClient` of the memory engine.
    """

    def __init__(self, *, answers: Mapping[str, Any] | None = None) -> None:
        self.client = KitaruClient()
        self._engine = MemoryEngine()
        self._answers: dict[str, list[Any]] = defaultdict(list)
        self._stack = ExitStack()
        for name, value in (answers or {}).items():
            self.answer(name, value)

    def __enter__(self) -> FlowTester:
        self._stack.enter_context(use_engine(self._engine))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def answer(self, name: str, value: Any) -> None:
        """Script the answer to a wait; a list gives one answer after the other."""
        self._answers[name] = list(value) if isinstance(value, list) else [value]

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
            KitaruUsageError: For wrong arguments, or if no call had that id.
        """
        self._engine.kill_after = kill_after
        run = FlowRun(self, flow, flow.run(*args, **inputs))
        self._check_killed(kill_after)
        return self._answer_waits(run)

    def retry(self, run: FlowRun, *, kill_after: str | None = None) -> FlowRun:
        """Let a failed or killed run go on; returns the same run."""
        self._engine.kill_after = kill_after
        self._forget(run)
        self.client.executions.retry(run.exec_id)
        self._check_killed(kill_after)
        return self._answer_waits(run)

    def replay(self, run: FlowRun, *, from_: str, **wanted: Any) -> FlowRun:
        """Replay a run from a checkpoint; takes what `Flow.replay` takes."""
        handle = run.flow.replay(run.exec_id, from_=from_, **wanted)
        return self._answer_waits(FlowRun(self, run.flow, handle))

    def bodies_run(self, exec_id: str) -> list[str]:
        """Return the invocation ids whose bodies ran since the last `run` or `retry`."""
        return list(self._engine.executions[exec_id].bodies_run)

    def _forget(self, run: FlowRun) -> None:
        self._engine.executions[run.exec_id].bodies_run.clear()

    def _check_killed(self, kill_after: str | None) -> None:
        if kill_after is not None and self._engine.kill_after is not None:
            self._engine.kill_after = None
            raise KitaruUsageError(
                f"kill_after={kill_after!r}: no checkpoint call of that invocation id had "
                "a result in this run"
            )

    def _answer_waits(self, run: FlowRun) -> FlowRun:
        while True:
            wait = run.execution.pending_wait
            if wait is None or not self._answers[wait.name]:
                return run
            scripted = self._answers[wait.name]
            value = scripted[0] if len(scripted) == 1 else scripted.pop(0)
            self.client.executions.input(run.exec_id, wait=wait.name, value=value)


class FlowRun:
    """One execution in a test: how it stands, and what ran in it."""

    def __init__(
        self, tester: FlowTester, flow: Flow[..., Any], handle: FlowHandle[Any]
    ) -> None:
        self.flow = flow
        self._tester = tester
        self._handle = handle

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
        """Invocation ids whose results were there before, in the order of the calls."""
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


kitaru_flows = _fixture()
