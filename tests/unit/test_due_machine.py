"""Executions get on and are run by one process, in whatever order processes do and die.

A state machine over journal and queue. Its processes are real, so that who lives is asked
of the system; what they do is what answers, retries, recovery and workers do with the
journal, one step at a time, and each may be killed between any two steps.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from kitaru._core.flows.facts import LocalFacts
from kitaru._engine.journal import due
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder, LeaseLost
from kitaru._engine.runners.queue import SIZE_VARIABLE, Queue
from kitaru.errors import KitaruStateError

POOL = "pool"
EXECUTIONS = ("a", "b", "c")
# Asked together; the flow goes on with each answer.
WAITS = (0, 1)
ONE = st.sampled_from(EXECUTIONS)
STEPS = st.integers(0, 8)

Steps: TypeAlias = Generator[None, None, None]


class Process:
    """A process of this machine that does something step by step."""

    def __init__(self, doing: str) -> None:
        self.doing = doing
        self._process = subprocess.Popen(["sleep", "600"])
        self.me = Holder.of(self._process.pid)
        self.steps: Iterator[None] = iter(())

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Life(RuleBasedStateMachine):
    """Three executions with two waits each, and a pool with room for one process."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(SIZE_VARIABLE, "1")
            self.journal = Journal(Path(self.folder.name) / "journal.db")
            self.queue = Queue(self.journal)
        self.processes: list[Process] = []
        # What ZenML's store says, and which answers the body has seen.
        self.status = dict.fromkeys(EXECUTIONS, "initializing")
        self.seen: dict[str, set[int]] = {one: set() for one in EXECUTIONS}
        self.answered: dict[str, set[int]] = {one: set() for one in EXECUTIONS}
        # The take-overs by which each has committed, in order.
        self.commits: dict[str, list[int]] = {one: [] for one in EXECUTIONS}

    # -- what processes do ---------------------------------------------------------

    def begin(self, doing: str, steps: Any, *arguments: Any) -> Process:
        process = Process(doing)
        process.steps = steps(process, *arguments)
        self.processes.append(process)
        return process

    def first_attempt(self, process: Process, one: str) -> Steps:
        self.journal.put_execution(one, LocalFacts(), process.me)
        self.status[one] = "running"
        yield
        yield from self.body(process, one)

    def answering(self, process: Process, one: str, wait: int) -> Steps:
        try:
            lease = self.journal.decide(f"{one}{wait}", one, {"value": True})
        except KitaruStateError:
            assert wait in self.answered[one], "refused, though nobody was faster"
            return
        assert wait not in self.answered[one], "a second answer stands"
        self.answered[one].add(wait)
        yield
        if lease is None:
            yield from self.go_on(process, one, "paused")

    def go_on(
        self, process: Process, one: str, seen: str, *, queued: bool = False
    ) -> Steps:
        went_on = False
        with suppress(KitaruStateError), self.journal.transaction():
            self.journal.acquire(one, process.me, own=False, queued=queued)
            if self.status[one] != seen:
                raise KitaruStateError("it is not as it was seen")
            # Its commit comes first.
            self.status[one] = "resuming"
            went_on = True
        if not went_on:
            return
        yield
        if not self.queue.admit(one, POOL, process.me):
            return
        yield
        worker = self.begin("worker", self.worker, one)
        yield
        self.queue.started(one, POOL, by=process.me, runner=worker.me)

    def worker(self, process: Process, one: str) -> Steps:
        self.queue.join(one, POOL, process.me)
        following: str | None = one
        while following is not None:
            yield
            try:
                self.journal.acquire(following, process.me)
            except KitaruStateError:
                pass
            else:
                yield
                yield from self.body(process, following)
            following = self.queue.take(POOL, process.me)

    def body(self, process: Process, one: str) -> Steps:
        try:
            token = self.journal.token_of(one, process.me)
        except LeaseLost:
            return
        while True:
            if self.status[one] in ("completed", "stopped"):
                self.journal.release(one, process.me)
                return
            self.status[one] = "running"
            yield
            due.taken(self.journal, one)
            stands = {n for n in WAITS if self.journal.answer(f"{one}{n}")}
            yield
            try:
                with self.journal.held(one, token):
                    self.seen[one] |= stands
                    commits = self.commits[one]
                    # Nobody commits any more once another one has taken over.
                    assert token not in commits or commits[-1] == token
                    commits.append(token)
            except LeaseLost:
                return
            yield
            left = [n for n in WAITS if n not in stands]
            self.status[one] = "paused" if left else "completed"
            yield
            waits_for = [f"{one}{n}" for n in left]
            if self.journal.release(one, process.me, waits_for, completed=not left):
                return

    def sweeping(self, process: Process, one: str) -> Steps:
        """What recovery does with an execution that does not get on by itself."""
        status = self.status[one]
        if one in self.queue.stranded():
            yield from self.go_on(process, one, status, queued=True)
            return
        lease = self.journal.lease(one)
        if self.queue.holds(one) or (lease is not None and lease.is_live):
            return
        yield
        if status == "resuming" or (status == "running" and lease is not None):
            with self.journal.transaction():
                same = self.status[one] == status and self.journal.lease(one) == lease
                if same and not self.queue.holds(one):
                    if lease is not None:
                        self.journal.take_away(lease)
                    self.status[one] = "failed"
            return
        is_open = any(self.journal.answer(f"{one}{n}") is None for n in WAITS)
        if status == "paused" and (not is_open or due.has_untaken(self.journal, one)):
            yield from self.go_on(process, one, "paused")

    def cancelling(self, process: Process, one: str) -> Steps:
        try:
            self.journal.acquire(one, process.me, own=False, queued=True)
        except KitaruStateError:
            return
        yield
        if self.status[one] not in ("completed", "stopped"):
            self.status[one] = "stopped"
            yield
            due.taken(self.journal, one)
        self.journal.release(one, process.me)

    def cleaning(self, process: Process, one: str) -> Steps:
        """What cleaning does with an execution that it must not take."""
        with suppress(KitaruStateError):
            self.journal.acquire(one, process.me, own=False)
            yield
            self.journal.release(one, process.me)

    # -- in whatever order -----------------------------------------------------------

    @initialize(steps=st.lists(STEPS.filter(bool), min_size=3, max_size=3))
    def they_begin(self, steps: list[int]) -> None:
        for one, how_far in zip(EXECUTIONS, steps, strict=True):
            self.advance(self.begin("flow", self.first_attempt, one), how_far)

    @rule(one=ONE, wait=st.sampled_from(WAITS), steps=STEPS, dies=st.booleans())
    def somebody_answers(self, one: str, wait: int, steps: int, dies: bool) -> None:
        self.somebody(self.begin("input", self.answering, one, wait), steps, dies)

    @rule(one=ONE, steps=STEPS, dies=st.booleans())
    def somebody_retries(self, one: str, steps: int, dies: bool) -> None:
        self.somebody(self.begin("retry", self.go_on, one, "failed"), steps, dies)

    @rule(one=ONE, steps=STEPS, dies=st.booleans())
    def somebody_looks(self, one: str, steps: int, dies: bool) -> None:
        self.somebody(self.begin("look", self.sweeping, one), steps, dies)

    @rule(one=ONE, steps=STEPS, dies=st.booleans())
    def somebody_cancels(self, one: str, steps: int, dies: bool) -> None:
        self.somebody(self.begin("cancel", self.cancelling, one), steps, dies)

    @rule(one=ONE, steps=STEPS, dies=st.booleans())
    def somebody_cleans(self, one: str, steps: int, dies: bool) -> None:
        if self.status[one] == "paused":
            self.somebody(self.begin("clean", self.cleaning, one), steps, dies)

    def somebody(self, process: Process, steps: int, dies: bool) -> None:
        if self.advance(process, steps) and dies:
            self.end(process)

    @precondition(lambda self: self.processes)
    @rule(number=st.integers(0, 20), steps=STEPS, dies=st.booleans())
    def one_gets_on(self, number: int, steps: int, dies: bool) -> None:
        self.somebody(self.processes[number % len(self.processes)], steps, dies)

    def advance(self, process: Process, steps: int = 1) -> bool:
        """Let a process take steps; return whether there may be more."""
        for _ in range(steps):
            try:
                next(process.steps)
            except StopIteration:
                self.end(process)
                return False
        return True

    def end(self, process: Process) -> None:
        process.kill()
        self.processes.remove(process)

    # -- what holds always, and in the end -----------------------------------------

    def teardown(self) -> None:
        try:
            self.settle()
            self.check_end()
        finally:
            for process in self.processes:
                process.kill()
            self.journal.close()
            self.folder.cleanup()

    def settle(self) -> None:
        """Let everybody finish; then one looks, and retries, until all is calm."""
        last = Process("look")
        try:
            self.finish()
            for _ in range(8):
                for one in EXECUTIONS:
                    for steps in (
                        self.sweeping(last, one),
                        self.go_on(last, one, "failed"),
                    ):
                        for _ in steps:
                            pass
                self.finish()
        finally:
            last.kill()

    def finish(self) -> None:
        while self.processes:
            self.advance(self.processes[0])

    def check_end(self) -> None:
        for one in EXECUTIONS:
            status, seen = self.status[one], self.seen[one]
            told = f"{one} {status}: answered {self.answered[one]}, seen {seen}"
            assert status in ("paused", "completed", "stopped"), told
            if status != "stopped":
                assert seen == self.answered[one], told
                assert (status == "completed") == (len(seen) == len(WAITS)), told
                # What has ended may be answered a moment later; that is tidied away.
                assert not due.has_untaken(self.journal, one), told
            lease = self.journal.lease(one)
            assert lease is None or not lease.is_live, told
            assert not self.queue.holds(one), told
        self.queue.forget_dead()
        assert self.journal.read("SELECT * FROM places", ()) == []


Life.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=20,
    deadline=None,
    # Shrinking takes minutes, and the failing steps are printed anyway.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
TestExecutionsGetOn = Life.TestCase


def test_an_answer_stays_noted_until_somebody_runs(tmp_path: Path) -> None:
    journal, me = Journal(tmp_path / "journal.db"), Holder.me()
    journal.put_execution("a", LocalFacts(), me)
    journal.release("a", me)
    journal.decide("a0", "a", {"value": True})

    # Who cleans or cancels looks at it like this, and leaves it.
    journal.acquire("a", me, own=False, queued=True)
    journal.release("a", me)
    before = due.has_untaken(journal, "a")
    due.taken(journal, "a")
    after = due.has_untaken(journal, "a")
    journal.close()

    assert (before, after) == (True, False)


def test_who_must_not_go_on_leaves_the_dead_runner_known(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    dead = replace(Holder.me(), pid=2**22 + 1, started="never")
    journal.put_execution("a", LocalFacts(), dead)

    with suppress(KitaruStateError), journal.transaction():
        journal.acquire("a", Holder.me(), own=False)
        raise KitaruStateError("it is not as it was seen")

    lease = journal.lease("a")
    journal.close()
    assert lease is not None
    assert lease.holder == dead
