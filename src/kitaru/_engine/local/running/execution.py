"""One execution in this process: puts session, journal, rows and log together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kitaru._core.calls import described, failures, names
from kitaru._core.calls.records import CallRecord, StoredFailure, StoredValue
from kitaru._core.calls.replay import Timeline
from kitaru._core.flows.facts import ExecutionFacts
from kitaru._core.flows.specs import CheckpointSpec, FlowSpec
from kitaru._core.upkeep.deaths import AUTO
from kitaru._core.values.codec import Encoded
from kitaru._core.values.tagging import anything
from kitaru._core.waits.answered import Answer
from kitaru._engine import flow_loading
from kitaru._engine.isolation import child_process
from kitaru._engine.journal import due, notices
from kitaru._engine.journal.breakpoints import JournalBreakpoints
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder, LeaseLost
from kitaru._engine.local import conditions, starting
from kitaru._engine.local.rows import calls, runs, step_logs
from kitaru._engine.local.rows.store_rows import StoreRows
from kitaru._engine.local.running.board import LocalBoard
from kitaru._engine.local.store.file import FOLDER
from kitaru._engine.local.store.ground import Ground
from kitaru._engine.output import log_folders
from kitaru._engine.output.log_capture import captured
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.port.execution import (
    Ending,
    Find,
    IsolatedCall,
    Parts,
    PermitOf,
    Reporter,
)
from kitaru._engine.recording import attempts
from kitaru._engine.recording.journal_recorder import JournalRecorder, taken_over
from kitaru._engine.recording.projector import Projector
from kitaru._engine.session import endings, flow_attempt, futures
from kitaru._engine.session.session import Session
from kitaru._engine.values import value_files
from kitaru._engine.values.value_files import FileValues
from kitaru.errors import KitaruBackendError, KitaruRuntimeError
from kitaru.models import ExecutionStatus

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True


@dataclass(frozen=True, slots=True)
class Source:
    """What a replay takes over from: the calls and answers of its source."""

    calls: list[CallRecord] = field(default_factory=list)
    answers: Mapping[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LocalExecution:
    """An execution whose body runs in this process.

    Attributes:
        execution_id: The execution.
        flow: Its flow.
        facts: What it was started with.
        source: What it takes over, if it is a replay.
    """

    execution_id: str
    flow: FlowSpec
    facts: ExecutionFacts
    source: Source
    ground: Ground
    store: StoreRows
    journal: Journal
    log: LogFile
    reporter: Reporter
    find: Find
    permit_of: PermitOf
    is_awaited: Callable[[], bool]

    def run(
        self,
        inputs: Mapping[str, Any] | None,
        asked: conditions.Named,
        *,
        fresh: bool,
    ) -> Ending:
        """Run the body of the flow and show in ZenML how that ended.

        Args:
            inputs: The arguments of the flow; `None`: those that are stored.
            asked: The waits of earlier attempts.
            fresh: Whether it is the first attempt.
        """
        with self.log.kept_open():
            try:
                token = self.journal.token_of(self.execution_id, Holder.me())
            except LeaseLost as error:
                return Ending(ExecutionStatus.RUNNING, error=error)
            ending = self._run(inputs, asked, token, fresh=fresh)
            endings.tell_failure(self.flow, self.execution_id, ending, self.reporter)
            return ending

    def _run(
        self,
        inputs: Mapping[str, Any] | None,
        asked: conditions.Named,
        token: int,
        *,
        fresh: bool,
    ) -> Ending:
        values = values_of(self.ground, self.execution_id)
        rows = calls.CallRows(self.store, self.execution_id, self.flow.name, values)
        known = [] if fresh else self.journal.calls(self.execution_id)
        if not fresh:
            self.journal.begin_again(self.execution_id)
        log = log_folders.show(self.log.path, values.folder)
        runs.begin(self.store, self.execution_id, log)
        if not fresh:
            due.taken(self.journal, self.execution_id)
        if inputs is None:
            inputs = read_inputs(self.facts)
        projector = Projector(self.execution_id, self.journal, rows, token)
        session = self._session(projector, values, known, asked, token)
        self.reporter.begun(
            self.execution_id,
            self.flow.name,
            finished_calls=sum(record.status == "completed" for record in known),
            here_only=not self.flow.source.is_loadable,
        )
        if fresh:
            attempts.warn_of_differences(self.facts, self.reporter)
        result: list[str] = []
        projector.start()
        try:
            for record in self.journal.calls(self.execution_id, unprojected=True):
                # What a crash left in the journal only.
                projector.add(record)
            with captured(self.execution_id, self.log):
                ending = flow_attempt.run(
                    session,
                    inputs,
                    keep=lambda e: result.extend(self._keep(e, values, rows, token)),
                    fitted=lambda given: attempts.fitted(self.facts, self.flow, given),
                )
            try:
                return self._finish(ending, projector, result, token)
            except KeyboardInterrupt:
                # How it ended is decided and durable; half of it shown would pass for a
                # failure. A second Ctrl-C leaves at once.
                self.reporter.warn("finishing; what is done is being shown in ZenML")
                return self._finish(ending, projector, result, token)
        finally:
            projector.stop()
            if fresh:
                self._note_packages()

    def _session(
        self,
        projector: Projector,
        values: FileValues,
        known: list[CallRecord],
        asked: conditions.Named,
        token: int,
    ) -> Session:
        plan, settings = self.facts.replay, self.facts.settings
        return Session(
            execution_id=self.execution_id,
            flow=self.flow,
            timeline=Timeline(known, plan, self.source.calls)
            if plan
            else Timeline(known),
            parts=Parts(
                recorder=JournalRecorder(
                    self.execution_id,
                    self.journal,
                    projector,
                    self.reporter.warn,
                    token,
                    recovers=settings.recover == AUTO,
                ),
                values=values,
                board=LocalBoard(
                    self.execution_id,
                    self.journal,
                    self.store,
                    asked=asked,
                    inherited=self.source.answers,
                    is_awaited=self.is_awaited,
                ),
                reporter=self.reporter,
                breakpoints=JournalBreakpoints(self.journal),
                stays=lambda: not self.is_awaited(),
                find=self.find,
                run_foreign=_run_foreign,
                run_isolated=self._run_in_child,
                width=futures.configured_width(),
                retries=settings.retries or 0,
                cache=bool(settings.cache),
                budget=settings.budget,
                notify=settings.notify,
                source_changed=flow_loading.has_changed(
                    self.facts.source, self.flow.source
                ),
                permit=lambda execution_id, what: (
                    # Whoever let this execution run here has decided about its content.
                    anything
                    if execution_id == self.execution_id
                    else self.permit_of(execution_id, what)
                ),
            ),
        )

    def _run_in_child(self, call: IsolatedCall) -> Any:
        """Run an isolated checkpoint in a process that works where this one does."""
        return child_process.run(call, environment=starting.surroundings(self.ground))

    def _keep(
        self, encoded: Encoded, values: FileValues, rows: calls.CallRows, token: int
    ) -> list[str]:
        """Store what the flow returned; return the artifact version that it became.

        Once the journal has the value the execution is completed, whatever becomes of
        showing that.
        """
        value = values.put(encoded, owner=described.FLOW, name=described.RESULT)
        with taken_over(), self.journal.held(self.execution_id, token):
            self.journal.update_execution(self.execution_id, result=value)
            self._told()
        try:
            return [self._register(value, rows)]
        except KitaruBackendError as error:
            self.reporter.warn(str(error))
            return []

    def _told(self, failure: StoredFailure | None = None) -> None:
        """Let those be told of the end who want to, in the transaction in which it is."""
        target = self.facts.settings.notify
        notices.ended(self.journal, self.execution_id, self.flow.name, target, failure)

    def _register(self, value: StoredValue, rows: calls.CallRows) -> str:
        artifact_id = names.artifact_id(
            self.execution_id, described.FLOW, described.RESULT
        )
        return rows.register_result(value, artifact_id)

    def _finish(
        self, ending: Ending, projector: Projector, result: list[str], token: int
    ) -> Ending:
        problem = projector.drain()
        if problem is not None:
            self.reporter.warn(str(problem))
        folder = values_of(self.ground, self.execution_id).folder
        step_logs.show(self.store, self.execution_id, self.log.path, folder)
        traceback = None
        if ending.status is ExecutionStatus.FAILED:
            assert ending.error is not None  # a failed attempt has a reason
            assert ending.origin is not None
            failure = failures.store(ending.error, ending.origin)
            traceback = failure.traceback
            try:
                with self.journal.held(self.execution_id, token):
                    self.journal.update_execution(self.execution_id, failure=failure)
                    self._told(failure)
            except LeaseLost as error:
                return Ending(ExecutionStatus.RUNNING, error=error)
        try:
            self._show(ending, result, traceback)
        except KitaruBackendError as error:
            self.reporter.warn(f"{error}; the next command does it")
        return ending

    def _show(self, ending: Ending, result: list[str], traceback: str | None) -> None:
        """Show in ZenML how the attempt ended."""
        match ending.status:
            case ExecutionStatus.COMPLETED:
                version = result[0] if result else None
                runs.end(self.store, self.execution_id, "completed", result=version)
            case ExecutionStatus.WAITING:
                runs.show(self.store, self.execution_id, "paused", None)
            case ExecutionStatus.CANCELLED:
                runs.end(self.store, self.execution_id, "stopped", "Cancelled.")
            case ExecutionStatus.FAILED:
                assert ending.error is not None
                runs.fail(
                    self.store,
                    self.execution_id,
                    ending.origin,
                    failures.message_of(ending.error),
                    traceback or "",
                )
            case _:
                # Another process has the run; this one leaves it as it is.
                pass

    def _note_packages(self) -> None:
        try:
            runs.note_packages(self.store, self.execution_id)
        except KitaruBackendError as error:
            self.reporter.warn(str(error))


def values_of(ground: Ground, execution_id: str) -> FileValues:
    """Return where the values of an execution are kept."""
    return FileValues(ground.artifact_root / FOLDER / execution_id)


def read_inputs(facts: ExecutionFacts) -> dict[str, Any]:
    """Return the arguments of a flow of this machine as they were given."""
    inputs = load(facts.inputs, "the inputs of the flow")
    assert isinstance(inputs, dict)
    return inputs


def load(value: StoredValue, what: str) -> object:
    """Return a value that this machine has stored."""
    return value_files.load(value, FileValues(Path()).get(value, what=what), anything)


def _run_foreign(
    spec: CheckpointSpec, invocation_id: str, args: tuple[Any, ...], kwargs: Any
) -> Any:
    raise KitaruRuntimeError(
        f"checkpoint {invocation_id!r} is a ZenML step, which only ZenML's runner can run; "
        "import zenml before the flow is started"
    )
