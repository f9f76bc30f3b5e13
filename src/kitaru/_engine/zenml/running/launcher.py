"""Start executions and let them go on: here, or in a process of their own."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus
from zenml.models import PipelineRunResponse

from kitaru._core import sources
from kitaru._core.calls import failures
from kitaru._core.calls.statuses import check_unchanged
from kitaru._core.flows import run_statuses
from kitaru._core.flows.facts import ExecutionFacts, LocalFacts
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.versions.records import Version
from kitaru._engine import flow_loading
from kitaru._engine.code import unpacked
from kitaru._engine.journal import compaction
from kitaru._engine.journal.breakpoints import JournalBreakpoints
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder
from kitaru._engine.output import log_folders
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.output.reporter import StreamReporter
from kitaru._engine.port.deployments import Invocation
from kitaru._engine.port.engine import Launch
from kitaru._engine.port.execution import Ending, Find, Reporter
from kitaru._engine.recording import attempts
from kitaru._engine.runners import recoveries
from kitaru._engine.runners.queue import Queue
from kitaru._engine.runners.spawning import Surroundings
from kitaru._engine.runners.starting import Starter
from kitaru._engine.zenml.connection import active, connection
from kitaru._engine.zenml.pods import logs as pod_logs
from kitaru._engine.zenml.pods import remote_runs, stored_code
from kitaru._engine.zenml.recording import artifact_versions
from kitaru._engine.zenml.running.local_execution import LocalExecution
from kitaru._engine.zenml.runs import entry, runs, statuses
from kitaru._engine.zenml.runs.trust import Gate
from kitaru._engine.zenml.setup import importing
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import (
    KitaruBackendError,
    KitaruError,
    KitaruFeatureNotAvailableError,
    KitaruRuntimeError,
    KitaruStateError,
)
from kitaru.models import Continuation, ExecutionStatus, FailureOrigin

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True

logger = logging.getLogger(__name__)


class Launcher:
    """Runs flow bodies in this process and starts processes that do."""

    def __init__(
        self,
        journal: Journal,
        queue: Queue,
        find: Find,
        *,
        gate: Gate,
        synchronous: bool,
    ) -> None:
        self._journal = journal
        self._starter = Starter(journal, queue)
        self._journal_limit = compaction.size_limit()
        self._find = find
        self._gate = gate
        self._synchronous = synchronous

    def launch(self, launch: Launch) -> tuple[str, Ending | None]:
        """Start an execution and run it to its end or its next unanswered wait."""
        flow, inputs = launch.flow, launch.inputs
        with active.stack(_wanted_stack(launch)):
            if remote_runs.is_chosen(flow.name):
                return self._submit(launch), None
            execution_id, run = self._create(launch)
            log = attempts.log_of(execution_id)
            execution = self._execution(
                execution_id, flow, runs.facts_to_run(run), log, attempts.reporter(log)
            )
            entry.expect(execution_id, lambda: execution.body(inputs, fresh=True))
            return execution_id, self._run(execution, lambda: runs.start_here(run))

    def launch_elsewhere(self, launch: Launch) -> tuple[str, Continuation]:
        """Start an execution in a process of its own, or here if no other can."""
        with active.stack(_wanted_stack(launch)):
            if remote_runs.is_chosen(launch.flow.name):
                return self._submit(launch), Continuation(how="stack")
            here_only = not launch.flow.source.is_loadable
            place = self._place_of(launch)
            execution_id = "" if here_only else self._create(launch, place)[0]
        if here_only:
            execution_id, _ = self.launch(launch)
            return execution_id, Continuation(how="here", pid=os.getpid())
        return execution_id, self._spawn(execution_id)

    def _submit(self, launch: Launch) -> str:
        """Start an execution on the active stack, which is remote."""
        flow = launch.flow
        self._refuse_breakpoints(
            flow.name, launch.break_before, is_replay=launch.replay is not None
        )
        remote_runs.check(flow.source)
        inputs = attempts.encoded_inputs(launch)
        with translated(f"starting flow {flow.name!r}"):
            facts = attempts.facts_of(launch, inputs, _values_of_inputs())
            facts = replace(facts, is_remote=True)
            run = _of_version(launch, facts) or self._in_pod(launch, facts)
            with importing.quiet():
                runs.submit(run)
        stack = run.stack.name if run.stack else "its stack"
        StreamReporter().submitted(str(run.id), flow.name, stack)
        return str(run.id)

    def _refuse_breakpoints(
        self, flow: str, given: Sequence[str] = (), *, is_replay: bool = False
    ) -> None:
        """Refuse to start on a remote stack what is to stop before a call.

        Raises:
            KitaruFeatureNotAvailableError: If it is; says how it starts all the same.
        """
        only = "breakpoints are for executions on local stacks; start it with "
        if given:
            raise KitaruFeatureNotAvailableError(
                f"break_before={list(given)}: {only}stack='default'"
            )
        points = JournalBreakpoints(self._journal)
        noted = [] if is_replay else list(points.of(points.next_of(flow)))
        if noted:
            raise KitaruFeatureNotAvailableError(
                f"the next start of {flow} is to stop before {', '.join(noted)}, and "
                f"{only}stack='default', or take them back with: kitaru executions break "
                f"{flow} {' '.join(f'--before {one}' for one in noted)} --next --remove"
            )

    def _in_pod(self, launch: Launch, facts: ExecutionFacts) -> PipelineRunResponse:
        """Create a run for a pod, with the flow's code as it is here."""
        flow, plan = launch.flow, launch.replay
        root, file = Path(flow.source.root), Path(flow.source.file)
        code_uri, _ = stored_code.store(root, file)
        return runs.create(
            flow.name,
            flow.source,
            launch.inputs,
            # A version that is gone has no code any more.
            replace(facts, deployed=None),
            code=sources.code_of(flow.function),
            original=plan.source if plan else None,
            in_pod=True,
            code_uri=code_uri,
            options=remote_runs.options(launch.options.settings),
        )

    def run_in_pod(
        self, run: PipelineRunResponse, stopping: Callable[[], bool]
    ) -> tuple[Ending, UUID | None]:
        """Run the body of an execution that another machine has started."""
        execution_id, facts = str(run.id), runs.facts_to_run(run)
        log = attempts.log_of(execution_id)
        reporter = StreamReporter(file=log)
        with pod_logs.Shipper(execution_id, log.path):
            flow = flow_loading.find(remote_runs.here(facts))
            execution = self._execution(
                execution_id, flow, facts, log, reporter, stopping=stopping
            )
            ending, result = execution.body(None, fresh=False)
            reporter.ended(execution_id, flow.name, ending)
            return ending, result

    def _place_of(self, launch: Launch) -> LocalFacts | None:
        """Return where a replay runs: where its source did, whoever commands it."""
        plan = launch.replay
        return self._journal.execution(plan.source) if plan is not None else None

    def _create(
        self, launch: Launch, place: LocalFacts | None = None
    ) -> tuple[str, PipelineRunResponse]:
        """Create an execution that this process runs for now.

        Args:
            launch: What to start.
            place: An execution with whose interpreter, in whose folder it is to run.
        """
        flow, plan = launch.flow, launch.replay
        inputs = attempts.encoded_inputs(launch)
        with translated(f"starting flow {flow.name!r}"):
            facts = replace(
                attempts.facts_of(launch, inputs, _values_of_inputs()),
                runner=Holder.me().to_dict(),
            )
            run = _of_version(launch, facts) or runs.create(
                flow.name,
                flow.source,
                launch.inputs,
                facts,
                code=sources.code_of(flow.function),
                original=plan.source if plan else None,
            )
        python = (place and place.python) or sys.executable
        folder = (place and place.cwd) or str(Path.cwd())
        self._journal.put_execution(
            str(run.id),
            self._local_facts(flow.name, facts, python, folder),
            Holder.me(),
        )
        points = JournalBreakpoints(self._journal)
        if plan is None:
            points.take_next(flow.name, str(run.id))
        if launch.break_before:
            points.change(str(run.id), add=launch.break_before)
        return str(run.id), run

    def invoke(
        self, version: Version, invocation: Invocation, *, python: str
    ) -> tuple[str, Continuation]:
        """Start an execution of a version, whose stack is the active one.

        Args:
            version: The version; on this machine its code is unpacked.
            invocation: What the execution is started with.
            python: The interpreter to run it with on this machine.

        Raises:
            KitaruStateError: If the version was deleted meanwhile; nothing was started.
            KeyTakenError: If there is an execution of its key; nothing was started.
        """
        facts = attempts.facts_of_version(version, invocation, _values_of_inputs())
        if facts.is_remote:
            self._refuse_breakpoints(version.flow)
        else:
            facts = replace(facts, runner=Holder.me().to_dict())
        with translated(f"invoking {version.label}"):
            run = runs.derive(version.deployment_id, facts, invocation.inputs)
        if run is None:
            raise KitaruStateError(f"{version.label} was deleted a moment ago")
        execution_id = str(run.id)
        if facts.is_remote:
            with translated(f"invoking {version.label}"), importing.quiet():
                runs.submit(run)
            return execution_id, Continuation(how="stack")
        assert facts.deployed is not None  # those of a version say so
        folder = str(unpacked.folder_of(facts.deployed))
        noted = self._local_facts(version.flow, facts, python, folder)
        self._journal.put_execution(execution_id, noted, Holder.me())
        JournalBreakpoints(self._journal).take_next(version.flow, execution_id)
        return execution_id, self._spawn(execution_id)

    def _local_facts(
        self, flow: str, facts: ExecutionFacts, python: str, folder: str
    ) -> LocalFacts:
        return LocalFacts(
            store=runs.store_id(),
            flow=flow,
            inputs=facts.inputs.uri,
            python=python,
            cwd=folder,
            project=facts.deployed.project if facts.deployed else None,
            synchronous=self._synchronous,
        )

    def _spawn(self, execution_id: str) -> Continuation:
        """Start a process for an execution of ours, or let it queue for one."""
        try:
            surroundings = Surroundings.of(
                self._journal.execution(execution_id) or LocalFacts(),
                connection.child_environment(),
                runs.store_id(),
            )
        except KitaruError:
            self._journal.release(execution_id, Holder.me())
            raise
        return self._starter.start_or_queue(
            execution_id, surroundings, log=log_folders.path_of(execution_id)
        )

    def start(self, execution_id: str, surroundings: Surroundings, pool: str) -> None:
        """Start a process for an execution of ours and make it the runner."""
        log = log_folders.path_of(execution_id)
        self._starter.start(execution_id, surroundings, pool, log=log)

    def continue_here(
        self,
        execution_id: str,
        *,
        handed_over: bool = False,
        is_awaited: Callable[[], bool] = lambda: False,
    ) -> Ending:
        """Go on in this process and thread, which may have been made its runner.

        Raises:
            KitaruUsageError: If that would run code of somebody else.
        """
        return self._continue_here(
            execution_id, handed_over=handed_over, is_awaited=is_awaited
        )

    def _continue_here(
        self,
        execution_id: str,
        *,
        handed_over: bool = False,
        is_awaited: Callable[[], bool] = lambda: False,
        seen: PipelineRunResponse | None = None,
    ) -> Ending:
        self._gate.check(execution_id, _not_continued(execution_id))
        local = self._journal.execution(execution_id)
        log = attempts.log_of(execution_id)
        reporter = attempts.reporter(log)
        self._journal.acquire(execution_id, Holder.me(), own=handed_over)
        run = self._still_open(execution_id, seen=seen)
        facts = runs.facts_to_run(run)
        try:
            stored_code.ensure(facts.deployed)
            flow = flow_loading.find(facts.source)
        except KitaruError as error:
            self._give_up(run, error, reporter)
            raise
        synchronous = local.synchronous if local else self._synchronous
        execution = self._execution(
            execution_id,
            flow,
            facts,
            log,
            reporter,
            synchronous=synchronous,
            is_awaited=is_awaited,
        )
        fresh = run.status is RunStatus.INITIALIZING
        entry.expect(execution_id, lambda: execution.body(None, fresh=fresh))
        with active.stack(runs.stack_id_of(run)):
            if fresh:
                return self._run(execution, lambda: runs.start_here(run))
            return self._run(execution, lambda: runs.go_on_here(run))

    def continue_elsewhere(
        self, run: PipelineRunResponse, *, queued: bool = False
    ) -> Continuation:
        """Start a process that goes on, or do it here if no other process can.

        Args:
            run: As it was when somebody decided that it should.
            queued: Whether it may queue already, for a pool in which no process lives.

        Raises:
            KitaruStateError: If somebody else was faster; nothing was changed.
        """
        execution_id = str(run.id)
        if remote_runs.runs_elsewhere(run):
            return self._continue_on_stack(run)
        self._gate.check(execution_id, _not_continued(execution_id))
        facts = runs.facts_to_run(run)
        if not facts.source.is_loadable:
            flow_loading.find(facts.source)
            self._continue_here(execution_id, seen=run)
            return Continuation(how="here", pid=os.getpid())
        stored_code.ensure(facts.deployed)
        self._journal.acquire(execution_id, Holder.me(), own=False, queued=queued)
        run = self._still_open(execution_id, seen=run)
        try:
            # One that queued before is marked.
            if run.status is not RunStatus.RESUMING:
                with translated(f"continuing execution {execution_id}"):
                    runs.mark_resuming(run)
        except KitaruError:
            self._journal.release(execution_id, Holder.me())
            raise
        return self._spawn(execution_id)

    def _continue_on_stack(self, run: PipelineRunResponse) -> Continuation:
        execution_id = str(run.id)
        if runs.store_is_a_file():
            # No server has let anybody in, and what the stack's job is is written there.
            self._gate.check(execution_id, _not_continued(execution_id))
        # Two commands of this machine must not start two pods.
        self._journal.acquire(execution_id, Holder.me(), own=False)
        run = self._still_open(execution_id, seen=run)
        try:
            # A pod is given the active stack as its own.
            with active.stack(runs.stack_id_of(run)):
                if run.status is not RunStatus.RESUMING:
                    remote_runs.go_on(run)
        finally:
            self._journal.release(execution_id, Holder.me())
        return Continuation(how="stack")

    def _still_open(
        self, execution_id: str, *, seen: PipelineRunResponse | None = None
    ) -> PipelineRunResponse:
        """Return the run, now that we hold the lease; give that up if it must not go on.

        It has ended, or is not any more as it was seen when that was decided.
        """
        try:
            run = runs.find_run(execution_id)
            status = statuses.status_of(run)
            if status in (ExecutionStatus.COMPLETED, ExecutionStatus.CANCELLED):
                check_unchanged(execution_id, ExecutionStatus.RUNNING, status)
            if seen is not None:
                check_unchanged(execution_id, statuses.status_of(seen), status)
        except KitaruError:
            self._journal.release(execution_id, Holder.me())
            raise
        return run

    def _run(self, execution: LocalExecution, submit: Callable[[], None]) -> Ending:
        """Run the body through ZenML; again if its answer came while it left."""
        execution_id = execution.execution_id
        while True:
            ending = self._run_once(execution, submit)
            if ending.status.is_finished:
                # Who follows the log goes by the lease: the last line comes before.
                execution.reporter.ended(execution_id, execution.flow_name, ending)
            if attempts.leave(self._journal, execution_id, ending):
                break
            entry.expect(execution_id, lambda: execution.body(None, fresh=False))
            submit = partial(_go_on, execution_id)
        if not ending.status.is_finished:
            execution.reporter.ended(execution_id, execution.flow_name, ending)
        attempts.compact(self._journal, self._journal_limit)
        return ending

    def _run_once(
        self, execution: LocalExecution, submit: Callable[[], None]
    ) -> Ending:
        execution.begin()
        try:
            with importing.quiet():
                submit()
        # ZenML raises what the body raised; what counts is how the body ended.
        except BaseException:
            if execution.ending is None:
                self._did_not_start(execution.execution_id)
                with translated(f"running execution {execution.execution_id}"):
                    raise
            self._show_completed(execution)
        ending = execution.ending
        if ending is None:
            raise KitaruRuntimeError(
                f"execution {execution.execution_id} did not start: ZenML returned "
                "without running it; set KITARU_DEBUG=1 to see its log"
            )
        execution.restore_traceback()
        return ending

    def _show_completed(self, execution: LocalExecution) -> None:
        """Tell ZenML, which has failed to note the end, if the flow completed."""
        ending = execution.ending
        if ending is None or ending.status is not ExecutionStatus.COMPLETED:
            return
        try:
            with translated("showing in ZenML that it completed"):
                run = Client().zen_store.get_run(UUID(execution.execution_id))
                if not run.status.is_successful:
                    runs.complete(run)
        except KitaruBackendError as error:
            execution.reporter.warn(f"{error}; the next command does it")

    def _did_not_start(self, execution_id: str) -> None:
        try:
            with translated("ending the execution"):
                run = Client().zen_store.get_run(UUID(execution_id))
                if not run.status.is_finished:
                    self._fail(run, "the flow body did not start")
        finally:
            self._journal.release(execution_id, Holder.me())

    def _execution(
        self,
        execution_id: str,
        flow: FlowSpec,
        facts: ExecutionFacts,
        log: LogFile,
        reporter: Reporter,
        *,
        synchronous: bool | None = None,
        stopping: Callable[[], bool] | None = None,
        is_awaited: Callable[[], bool] = lambda: False,
    ) -> LocalExecution:
        return LocalExecution(
            execution_id,
            flow,
            facts,
            journal=self._journal,
            log=log,
            reporter=reporter,
            find=self._find,
            gate=self._gate,
            synchronous=self._synchronous if synchronous is None else synchronous,
            stopping=stopping,
            is_awaited=is_awaited,
        )

    def _give_up(
        self, run: PipelineRunResponse, error: KitaruError, reporter: Reporter
    ) -> None:
        """An execution whose flow cannot be loaded has failed; retry works later."""
        with translated("ending the execution"):
            self._fail(run, str(error))
        recoveries.failed_to_start(self._journal, str(run.id), error)
        self._journal.release(str(run.id), Holder.me())
        reporter.warn(str(error))

    def _fail(self, run: PipelineRunResponse, text: str) -> None:
        failure = failures.without_exception(text, FailureOrigin.RUNTIME)
        # First: whoever sees the new status must not see an old failure.
        self._journal.update_execution(str(run.id), failure=failure)
        reason = run_statuses.reason(FailureOrigin.RUNTIME, text)
        runs.set_status(str(run.id), RunStatus.FAILED, reason)


def _go_on(execution_id: str) -> None:
    """Let ZenML run the body again, which is in the run as it is by now."""
    runs.go_on_here(Client().zen_store.get_run(UUID(execution_id)))


def _of_version(launch: Launch, facts: ExecutionFacts) -> PipelineRunResponse | None:
    """Create the run of a replay from the version of its source, if that is there."""
    if launch.deployed is None:
        return None
    original = launch.replay.source if launch.replay else None
    return runs.derive(
        launch.deployed.deployment_id, facts, launch.inputs, original=original
    )


def _not_continued(execution_id: str) -> str:
    return f"execution {execution_id} was not continued here: that"


def _wanted_stack(launch: Launch) -> str | None:
    """Return the id of the stack that the launch names, `None` for the active one."""
    name = launch.options.settings.stack
    if name is None:
        return None
    return active.stack_id(name, said_by=launch.options.origins.get("stack"))


def _values_of_inputs() -> artifact_versions.KeptValues:
    return artifact_versions.values_of("inputs", inline=False)
