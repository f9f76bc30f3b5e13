"""One execution in this process: puts session, journal, projector and log together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.execution.pipeline.dynamic.run_context import DynamicPipelineRunContext
from zenml.models import LogsRequest

from kitaru._core.calls import described, failures, names
from kitaru._core.calls.records import CallRecord, StoredFailure, StoredValue
from kitaru._core.calls.replay import Timeline
from kitaru._core.flows.facts import ExecutionFacts
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.upkeep.deaths import AUTO
from kitaru._core.values import codec
from kitaru._core.values.codec import Encoded
from kitaru._core.values.tagging import Permit, anything
from kitaru._core.waits.answered import Answer
from kitaru._engine import flow_loading
from kitaru._engine.isolation import child_process
from kitaru._engine.journal import due, notices
from kitaru._engine.journal.breakpoints import JournalBreakpoints
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder, LeaseLost
from kitaru._engine.output import log_folders, step_logs
from kitaru._engine.output.log_capture import captured
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.port.execution import (
    Ending,
    Find,
    IsolatedCall,
    Parts,
    Recorder,
    Reporter,
)
from kitaru._engine.recording import attempts
from kitaru._engine.recording.journal_recorder import JournalRecorder, taken_over
from kitaru._engine.recording.projector import Projector
from kitaru._engine.session import endings, flow_attempt, futures
from kitaru._engine.session.session import Session
from kitaru._engine.values.value_files import FileValues
from kitaru._engine.zenml.connection import active, connection
from kitaru._engine.zenml.inspection import executions
from kitaru._engine.zenml.inspection import failures as noted_failures
from kitaru._engine.zenml.pods import pod_waits
from kitaru._engine.zenml.pods.isolated_checkpoints import IsolatedPods
from kitaru._engine.zenml.recording import (
    artifact_versions,
    local_rows,
    step_runs,
    step_writer,
)
from kitaru._engine.zenml.recording.shown_calls import ShownCalls
from kitaru._engine.zenml.recording.store_recorder import StoreRecorder
from kitaru._engine.zenml.running import zenml_steps
from kitaru._engine.zenml.runs.runs import find_run, store_is_a_file
from kitaru._engine.zenml.runs.trust import Gate
from kitaru._engine.zenml.setup.errors import translated
from kitaru._engine.zenml.waits import conditions, local_waits
from kitaru.errors import KitaruBackendError
from kitaru.models import ExecutionStatus

logger = logging.getLogger(__name__)

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True


class LocalExecution:
    """An execution whose body runs in this process."""

    def __init__(
        self,
        execution_id: str,
        spec: FlowSpec,
        facts: ExecutionFacts,
        *,
        journal: Journal,
        log: LogFile,
        reporter: Reporter,
        find: Find,
        gate: Gate,
        synchronous: bool,
        stopping: Callable[[], bool] | None = None,
        is_awaited: Callable[[], bool] = lambda: False,
    ) -> None:
        self.execution_id = execution_id
        self.ending: Ending | None = None
        self._trace: TracebackType | None = None
        self.reporter = reporter
        self._spec = spec
        self._facts = facts
        self._journal = journal
        self._log = log
        self._find = find
        self._gate = gate
        self._synchronous = synchronous
        # Given to a pod, which nobody can ask through its journal.
        self._stopping = stopping
        self._is_awaited = is_awaited
        self._token: int | None = None

    def begin(self) -> None:
        """Forget how an earlier attempt in this process ended."""
        self.ending = None

    def restore_traceback(self) -> None:
        """Show users where their code raised, not the way through ZenML."""
        if self.ending is not None and self.ending.error is not None:
            self.ending.error.__traceback__ = self._trace

    @property
    def flow_name(self) -> str:
        """The name of the flow."""
        return self._spec.name

    def body(
        self, inputs: Mapping[str, Any] | None, *, fresh: bool
    ) -> tuple[Ending, UUID | None]:
        """Run the flow body; for `entry.expect`."""
        with self._log.kept_open():
            ending, result = self._body(inputs, fresh=fresh)
            endings.tell_failure(self._spec, self.execution_id, ending, self.reporter)
            return ending, result

    def _body(
        self, inputs: Mapping[str, Any] | None, *, fresh: bool
    ) -> tuple[Ending, UUID | None]:
        if self._stopping is None:
            # A pod has a turn of its own.
            try:
                self._token = self._journal.token_of(self.execution_id, Holder.me())
            except LeaseLost as error:
                self.ending = Ending(ExecutionStatus.RUNNING, error=error)
                return self.ending, None
            if not fresh:
                due.taken(self._journal, self.execution_id)
        # A journal that dies with the pod must not be the only place of a value.
        values = artifact_versions.values_of(
            self.execution_id, inline=not self._synchronous
        )
        rows = local_rows.of_store()
        writer = step_writer.StepWriter(
            self.execution_id, self._spec.name, values, rows
        )
        known = (
            [] if fresh else executions.known_calls(self._journal, self.execution_id)
        )
        if not fresh:
            self._journal.begin_again(self.execution_id)
            writer.read_existing()
        elif isinstance(values, FileValues) and self._stopping is None:
            self._show_log(values.folder)
        if inputs is None:
            inputs = read_inputs(self._facts, anything)
        pods = self._isolated_pods(writer, values)
        projector = Projector(
            self.execution_id,
            self._journal,
            ShownCalls(self.execution_id, writer),
            self._token,
        )
        session = Session(
            execution_id=self.execution_id,
            flow=self._spec,
            timeline=self._timeline(known),
            parts=Parts(
                recorder=self._recorder(projector, writer, pods),
                values=values,
                board=(
                    pod_waits.LeasedBoard if self._stopping else local_waits.ZenMLBoard
                )(
                    self.execution_id,
                    self._journal,
                    fresh=fresh,
                    inherited=self._inherited_answers(),
                    is_awaited=self._is_awaited,
                ),
                reporter=self.reporter,
                breakpoints=JournalBreakpoints(self._journal),
                stays=lambda: not self._is_awaited(),
                find=self._find,
                run_foreign=zenml_steps.run,
                run_isolated=pods.run if pods else _run_in_child,
                # A server allows a run one pending condition.
                several_waits=store_is_a_file(),
                width=futures.configured_width(),
                retries=self._facts.settings.retries or 0,
                cache=bool(self._facts.settings.cache),
                budget=self._facts.settings.budget,
                notify=self._facts.settings.notify,
                source_changed=self._source_changed(),
                permit=self._permit,
            ),
        )
        self.reporter.begun(
            self.execution_id,
            self._spec.name,
            finished_calls=sum(record.status == "completed" for record in known),
            here_only=not self._spec.source.is_loadable,
        )
        if fresh and not self._facts.is_remote:
            attempts.warn_of_differences(self._facts, self.reporter)
        projector.start()
        try:
            if not fresh:
                self._project_rest(projector)
            with captured(self.execution_id, self._log):
                result: list[UUID | None] = []
                self.ending = flow_attempt.run(
                    session,
                    inputs,
                    keep=lambda e: result.append(self._keep(e, values)),
                    fitted=lambda given: attempts.fitted(
                        self._facts, self._spec, given
                    ),
                )
            self._trace = getattr(self.ending.error, "__traceback__", None)
            try:
                self._finish(projector)
            except KeyboardInterrupt:
                # How it ended is decided and durable; half of it shown would pass for a
                # failure. A second Ctrl-C leaves at once.
                self.reporter.warn("finishing; what is done is being shown in ZenML")
                self._finish(projector)
        finally:
            projector.stop()
        return self.ending, result[0] if result else None

    def _show_log(self, folder: Path) -> None:
        """Tell ZenML where the log is: in its artifact store, under a second name."""
        request = LogsRequest(
            project=Client().active_project.id,
            uri=str(log_folders.show(self._log.path, folder)),
            source=log_folders.SHOWN_AS,
            artifact_store_id=Client().active_stack.artifact_store.id,
            pipeline_run_id=UUID(self.execution_id),
        )
        try:
            with translated("showing the log"):
                Client().zen_store.create_logs(request)
        except KitaruBackendError as error:
            # Kitaru itself reads the log where it lies.
            logger.debug("%s", error, exc_info=True)

    def _show_step_logs(self) -> None:
        """Tell ZenML what each checkpoint has printed; no server reads this disk."""
        values = artifact_versions.values_of(self.execution_id)
        if not isinstance(values, FileValues) or not store_is_a_file():
            return
        files = step_logs.written(self._log.path, values.folder)
        if not files or self._stopping is not None:
            return
        try:
            with translated("showing the logs of checkpoints"):
                step_runs.show_logs(self.execution_id, files)
        except KitaruBackendError as error:
            # Kitaru itself reads the log where it lies.
            logger.debug("%s", error, exc_info=True)

    def _permit(self, execution_id: str, what: str) -> Permit:
        # Whoever let this execution run here has decided about its own content.
        if execution_id == self.execution_id:
            return anything
        return self._gate.of_execution(execution_id, what)

    def _timeline(self, known: list[CallRecord]) -> Timeline:
        plan = self._facts.replay
        if plan is None:
            return Timeline(known)
        source = executions.known_calls(self._journal, plan.source)
        return Timeline(known, plan, source)

    def _inherited_answers(self) -> dict[str, Answer]:
        """Return the answers that a replay takes over from its source."""
        plan = self._facts.replay
        if plan is None:
            return {}
        calls = executions.known_calls(self._journal, plan.source)
        (anchor,) = [call for call in calls if call.invocation_id == plan.anchor]
        return conditions.answers_before(
            plan.source, anchor.order, reuse_waits=plan.reuse_waits
        )

    def _isolated_pods(
        self, writer: step_writer.StepWriter, values: artifact_versions.KeptValues
    ) -> IsolatedPods | None:
        """Return what runs isolated checkpoints, where the stack has pods for them."""
        context = DynamicPipelineRunContext.get()
        if self._stopping is None or context is None:
            return None
        if not context.runner.orchestrator.can_run_isolated_steps:
            return None
        return IsolatedPods(
            context,
            writer=writer,
            values=values,
            cancelled=self._stopping,
            warn=self.reporter.warn,
        )

    def _recorder(
        self,
        projector: Projector,
        writer: step_writer.StepWriter,
        pods: IsolatedPods | None,
    ) -> Recorder:
        if self._synchronous:
            return StoreRecorder(
                self.execution_id,
                writer,
                self._stopping or (lambda: projector.cancel_requested),
                pods,
                lambda: self._journal.check_held(self.execution_id, self._token),
            )
        return JournalRecorder(
            self.execution_id,
            self._journal,
            projector,
            self.reporter.warn,
            self._token,
            recovers=self._facts.settings.recover == AUTO,
        )

    def _source_changed(self) -> bool:
        return flow_loading.has_changed(self._facts.source, self._spec.source)

    def _project_rest(self, projector: Projector) -> None:
        """Project what a crash left in the journal only."""
        for record in self._journal.calls(self.execution_id, unprojected=True):
            projector.add(record)

    def _keep(
        self, encoded: Encoded, values: artifact_versions.KeptValues
    ) -> UUID | None:
        """Store the flow's return value and make it an artifact.

        Once the journal has the value the execution is completed, whatever becomes of
        showing that.
        """
        value = values.put(encoded, owner=described.FLOW, name=described.RESULT)
        with taken_over(), self._journal.held(self.execution_id, self._token):
            self._journal.update_execution(self.execution_id, result=value)
            self._told()
        try:
            return self._register(value, values)
        except KitaruBackendError as error:
            if self._stopping is not None:
                # The journal of a pod dies with it.
                raise
            self.reporter.warn(str(error))
            return None

    def _register(
        self, value: StoredValue, values: artifact_versions.KeptValues
    ) -> UUID:
        with translated("showing the result of the flow in ZenML"):
            ((version, _),) = artifact_versions.register(
                [
                    artifact_versions.Unregistered(
                        value,
                        artifact_id=names.artifact_id(
                            self.execution_id, described.FLOW, described.RESULT
                        ),
                        name=f"{self._spec.name}::result",
                        owner=described.FLOW,
                        key=described.RESULT,
                    )
                ],
                values=values,
                rows=local_rows.of_store(),
            )
        return version

    def _told(self, failure: StoredFailure | None = None) -> None:
        """Let those be told of the end who want to, in the transaction in which it is."""
        if self._stopping is None:
            # Nobody would tell what the journal of a pod says.
            target = self._facts.settings.notify
            notices.ended(
                self._journal, self.execution_id, self._spec.name, target, failure
            )

    def _finish(self, projector: Projector) -> None:
        problem = projector.drain()
        if problem is not None:
            self.reporter.warn(str(problem))
        self._show_step_logs()
        ending = self.ending
        if ending is not None and ending.status is ExecutionStatus.FAILED:
            assert ending.error is not None  # a failed attempt has a reason
            assert ending.origin is not None
            failure = failures.store(ending.error, ending.origin)
            try:
                with self._journal.held(self.execution_id, self._token):
                    self._journal.update_execution(self.execution_id, failure=failure)
                    self._told(failure)
            except LeaseLost as error:
                self.ending = Ending(ExecutionStatus.RUNNING, error=error)
                return
            if self._stopping is not None:
                self._note_failure(failure)

    def _note_failure(self, failure: StoredFailure) -> None:
        """Note in ZenML why the execution failed: a pod's journal dies with it."""
        try:
            with translated("storing the failure"):
                noted_failures.note_remote(find_run(self.execution_id), failure)
        except KitaruBackendError as error:
            # That it failed, and its message, is in the status of the run as well.
            self.reporter.warn(str(error))


def _run_in_child(call: IsolatedCall) -> Any:
    """Run an isolated checkpoint in a process that works where this context does."""
    surroundings = connection.child_environment() | active.stack_environment()
    return child_process.run(call, environment=surroundings)


def read_inputs(facts: ExecutionFacts, permit: Permit) -> dict[str, Any]:
    """Return the arguments of the flow as they were given."""
    data = artifact_versions.fetch(facts.inputs, what="the inputs of the flow")
    inputs = codec.decode(facts.inputs.serializer, data, permit)
    assert isinstance(inputs, dict)
    return inputs
