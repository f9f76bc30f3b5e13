"""Start executions on a local stack and let them go on, here or in another process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from kitaru._core import sources
from kitaru._core.calls.replay import ReplayPlan
from kitaru._core.calls.statuses import check_unchanged
from kitaru._core.flows.facts import ExecutionFacts, LocalFacts
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.versions.records import Version
from kitaru._engine import flow_loading
from kitaru._engine.code import unpacked
from kitaru._engine.journal import compaction
from kitaru._engine.journal.breakpoints import JournalBreakpoints
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder
from kitaru._engine.local import conditions, reading, starting
from kitaru._engine.local.reading import Reader
from kitaru._engine.local.rows import deployments, runs
from kitaru._engine.local.rows.store_rows import StoreRows
from kitaru._engine.local.running.execution import (
    LocalExecution,
    Source,
    read_inputs,
    values_of,
)
from kitaru._engine.local.store.ground import Ground, no_way_back
from kitaru._engine.port.deployments import Invocation
from kitaru._engine.port.engine import Launch, Recorded
from kitaru._engine.port.execution import Ending, Find, PermitOf, Reporter
from kitaru._engine.recording import attempts
from kitaru._engine.runners import recoveries
from kitaru._engine.runners.queue import Queue
from kitaru._engine.values.value_files import FileValues
from kitaru.errors import KitaruError, KitaruStateError
from kitaru.models import Continuation, ExecutionStatus

logger = logging.getLogger(__name__)

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True


@dataclass(frozen=True, slots=True)
class Launcher:
    """Runs flow bodies in this process and starts processes that do.

    Attributes:
        ground: The store and stack that the executions are of.
        find: Finds values of other executions.
        permit_of: Says what code of other executions may run.
    """

    ground: Ground
    journal: Journal
    queue: Queue
    find: Find
    permit_of: PermitOf

    def launch(self, launch: Launch) -> tuple[str, Ending]:
        """Start an execution and run it to its end or its next unanswered wait."""
        source = self._source(launch.replay)
        store = StoreRows(self.ground)
        execution_id, facts = self._create(launch, store)
        execution = self._execution(execution_id, launch.flow, facts, store, source)
        with no_way_back():
            return execution_id, self._run(execution, launch.inputs, fresh=True)

    def launch_elsewhere(self, launch: Launch) -> tuple[str, Continuation]:
        """Start an execution in a process of its own, or here if no other can."""
        if not launch.flow.source.is_loadable:
            execution_id, _ = self.launch(launch)
            return execution_id, Continuation(how="here", pid=os.getpid())
        self._source(launch.replay)
        store = StoreRows(self.ground)
        execution_id, _ = self._create(launch, store, self._place_of(launch))
        store.close()
        facts = self.journal.execution(execution_id) or LocalFacts()
        return execution_id, starting.start(
            self.ground, self.journal, self.queue, execution_id, facts
        )

    def invoke(
        self, version: Version, invocation: Invocation, *, python: str
    ) -> tuple[str, Continuation]:
        """Start an execution of a version in a process of its own.

        Args:
            version: The version, whose code is unpacked.
            invocation: What the execution is started with.
            python: The interpreter to run it with.

        Raises:
            KitaruStateError: If the version was deleted meanwhile; nothing was started.
            KeyTakenError: If there is an execution of its key; nothing was started.
        """
        facts = replace(
            attempts.facts_of_version(version, invocation, self._kept_inputs()),
            runner=Holder.me().to_dict(),
        )
        assert facts.deployed is not None  # those of a version say so
        new = runs.NewRun(
            version.flow,
            facts.source,
            # Its snapshot is that of the version, which has the code.
            "",
            attempts.shown_inputs(invocation.inputs),
            facts,
            str(uuid4()),
        )
        folder = str(unpacked.folder_of(facts.deployed))
        with self._noted(new, python=python, cwd=folder) as noted:
            store = StoreRows(self.ground)
            try:
                is_made = deployments.derive(store, new)
            finally:
                store.close()
            if not is_made:
                raise KitaruStateError(f"{version.label} was deleted a moment ago")
        JournalBreakpoints(self.journal).take_next(version.flow, new.execution_id)
        return new.execution_id, starting.start(
            self.ground, self.journal, self.queue, new.execution_id, noted
        )

    def continue_here(
        self,
        execution_id: str,
        facts: ExecutionFacts,
        flow: FlowSpec | KitaruError,
        *,
        handed_over: bool,
        is_awaited: Callable[[], bool],
        seen: ExecutionStatus | None = None,
    ) -> Ending:
        """Go on in this process and thread, which may have been made its runner.

        Args:
            execution_id: The execution.
            facts: What it was started with.
            flow: Its flow, or why it cannot be loaded.
            handed_over: Whether this process is its runner already.
            is_awaited: Whether other executions need this process.
            seen: The status in which somebody wants that, if it matters.

        Raises:
            KitaruStateError: If it has ended, is not any more as it was seen, or another
                process runs it.
        """
        source = self._source(facts.replay)
        self.journal.acquire(execution_id, Holder.me(), own=handed_over)
        log = attempts.log_of(execution_id)
        reporter = attempts.reporter(log)
        store = StoreRows(self.ground)
        try:
            with no_way_back():
                fresh = self._is_fresh(execution_id, seen)
        except KitaruError:
            self.journal.release(execution_id, Holder.me())
            raise
        if isinstance(flow, KitaruError):
            store.close()
            self._give_up(execution_id, flow, reporter)
            raise flow
        execution = self._execution(
            execution_id, flow, facts, store, source, is_awaited=is_awaited
        )
        with no_way_back():
            return self._run(execution, None, fresh=fresh)

    # -- new executions ----------------------------------------------------------

    def _place_of(self, launch: Launch) -> LocalFacts | None:
        """Return where a replay runs: where its source did, whoever commands it."""
        plan = launch.replay
        return self.journal.execution(plan.source) if plan is not None else None

    def _create(
        self, launch: Launch, store: StoreRows, place: LocalFacts | None = None
    ) -> tuple[str, ExecutionFacts]:
        """Create an execution that this process runs for now.

        Args:
            launch: What to start.
            store: Where.
            place: An execution with whose interpreter, in whose folder it is to run.
        """
        flow, plan = launch.flow, launch.replay
        inputs = attempts.encoded_inputs(launch)
        facts = replace(
            attempts.facts_of(launch, inputs, self._kept_inputs()),
            runner=Holder.me().to_dict(),
        )
        new = runs.NewRun(
            flow.name,
            flow.source,
            sources.code_of(flow.function),
            attempts.shown_inputs(launch.inputs),
            facts,
            str(uuid4()),
            plan.source if plan else None,
        )
        python = (place and place.python) or sys.executable
        folder = (place and place.cwd) or str(Path.cwd())
        with self._noted(new, python=python, cwd=folder):
            if facts.deployed is None or not deployments.derive(store, new):
                runs.create(store, new)
        execution_id = new.execution_id
        points = JournalBreakpoints(self.journal)
        if plan is None:
            points.take_next(flow.name, execution_id)
        if launch.break_before:
            points.change(execution_id, add=launch.break_before)
        return execution_id, facts

    @contextmanager
    def _noted(
        self, new: runs.NewRun, *, python: str, cwd: str
    ) -> Iterator[LocalFacts]:
        """Note an execution of this machine before its run is made in the `with` body.

        A run without a note would be one of somebody unknown, whom nobody lets go on; a
        note without a run is removed, here or by whoever looks next.
        """
        noted = LocalFacts(
            store=self.ground.store_id,
            flow=new.flow,
            inputs=new.facts.inputs.uri,
            python=python,
            cwd=cwd,
            project=new.facts.deployed.project if new.facts.deployed else None,
            synchronous=False,
        )
        self.journal.put_execution(new.execution_id, noted, Holder.me())
        try:
            yield noted
        # Whoever is interrupted does not know whether there is a run.
        except Exception:
            self.journal.forget(new.execution_id)
            raise

    def _kept_inputs(self) -> FileValues:
        return FileValues(values_of(self.ground, "inputs").folder, inline_limit=-1)

    def _source(self, plan: ReplayPlan | None) -> Source:
        """Return what a replay takes over.

        Raises:
            OnlyZenMLKnows: If some of it may be in ZenML alone.
        """
        if plan is None:
            return Source()
        with reading.looking(self.ground, self.journal, self.queue) as reader:
            calls = reader.known_calls(plan.source)
            (anchor,) = [c for c in calls if c.invocation_id == plan.anchor]
            answers = reader.answers_before(
                plan.source, anchor.order, reuse_waits=plan.reuse_waits
            )
        return Source(calls, answers)

    # -- running -----------------------------------------------------------------

    def _execution(
        self,
        execution_id: str,
        flow: FlowSpec,
        facts: ExecutionFacts,
        store: StoreRows,
        source: Source,
        *,
        is_awaited: Callable[[], bool] = lambda: False,
    ) -> LocalExecution:
        log = attempts.log_of(execution_id)
        return LocalExecution(
            execution_id=execution_id,
            flow=flow,
            facts=facts,
            source=source,
            ground=self.ground,
            store=store,
            journal=self.journal,
            log=log,
            reporter=attempts.reporter(log),
            find=self.find,
            permit_of=self.permit_of,
            is_awaited=is_awaited,
        )

    def _run(
        self,
        execution: LocalExecution,
        inputs: Mapping[str, Any] | None,
        *,
        fresh: bool,
    ) -> Ending:
        """Run the body; again if its answer came while it left."""
        execution_id, name = execution.execution_id, execution.flow.name
        try:
            while True:
                asked = self._asked(execution_id, fresh=fresh)
                ending = execution.run(inputs, asked, fresh=fresh)
                if ending.status.is_finished:
                    # Who follows the log goes by the lease: the last line comes before.
                    execution.reporter.ended(execution_id, name, ending)
                if attempts.leave(self.journal, execution_id, ending):
                    break
                inputs, fresh = None, False
        except BaseException:
            # Nobody knows how it ended; who looks next finds that nobody runs it.
            self.journal.release(execution_id, Holder.me())
            raise
        finally:
            execution.store.close()
        if not ending.status.is_finished:
            execution.reporter.ended(execution_id, name, ending)
        attempts.compact(self.journal, compaction.size_limit())
        return ending

    def _asked(self, execution_id: str, *, fresh: bool) -> conditions.Named:
        """Return the waits of earlier attempts."""
        if fresh:
            return {}
        with reading.looking(self.ground, self.journal, self.queue) as reader:
            return conditions.by_name(reader.conditions(execution_id))

    def _is_fresh(self, execution_id: str, seen: ExecutionStatus | None) -> bool:
        """Whether nothing of an execution has run, now that we hold the lease.

        Raises:
            KitaruStateError: If it has ended, or is not any more as it was seen.
        """
        with reading.looking(self.ground, self.journal, self.queue) as reader:
            run = reader.run(execution_id)
        if run.status in (ExecutionStatus.COMPLETED, ExecutionStatus.CANCELLED):
            check_unchanged(execution_id, ExecutionStatus.RUNNING, run.status)
        if seen is not None:
            check_unchanged(execution_id, seen, run.status)
        return run.word == "initializing"

    def _give_up(
        self, execution_id: str, error: KitaruError, reporter: Reporter
    ) -> None:
        """An execution whose flow cannot be loaded has failed; retry works later."""
        starting.failed(self.ground, self.journal, execution_id, error)
        recoveries.failed_to_start(self.journal, execution_id, error)
        self.journal.release(execution_id, Holder.me())
        reporter.warn(str(error))


def recorded(reader: Reader, execution_id: str) -> Recorded:
    """Return what an execution of this machine left behind; its flow must be loadable."""
    stack, facts = reader.facts_to_run(execution_id)
    inputs: Mapping[str, Any] = read_inputs(facts)
    if facts.has_json_inputs:
        unpacked.ensure(facts.deployed)
        inputs = attempts.fitted(facts, flow_loading.find(facts.source), inputs)
    return Recorded(
        execution_id=execution_id,
        source=facts.source,
        inputs=inputs,
        calls=tuple(reader.known_calls(execution_id)),
        settings=replace(facts.settings, stack=stack) if stack else facts.settings,
        deployed=facts.deployed,
        labels=facts.labels,
    )
