"""The ZenML engine: every operation of the port."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus as RunStatus
from zenml.models import PipelineRunResponse

from kitaru._core.calls.records import CallRecord, StoredFailure
from kitaru._core.calls.statuses import check_unchanged
from kitaru._core.sources import FlowSource
from kitaru._core.values.tagging import Permit
from kitaru._core.waits import answered, condition_names
from kitaru._core.words.similar import did_you_mean
from kitaru._engine import flow_loading
from kitaru._engine.journal.breakpoints import JournalBreakpoints
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder
from kitaru._engine.journal.notices import JournalNotices
from kitaru._engine.journal.refusals import is_of_a_row
from kitaru._engine.output import log_folders
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.output.reporter import LogReporter, StreamReporter
from kitaru._engine.port.engine import ExecutionQuery, Launch, Recorded
from kitaru._engine.port.execution import Ending, Found
from kitaru._engine.port.schedules import Schedules
from kitaru._engine.recording import attempts
from kitaru._engine.runners import cancelling, schedules
from kitaru._engine.runners.queue import Queue
from kitaru._engine.runners.recoveries import JournalRecoveries
from kitaru._engine.runners.schedules import JournalSchedules
from kitaru._engine.settings import configuration, folders
from kitaru._engine.zenml.access import accounts
from kitaru._engine.zenml.access.secrets import ZenMLSecrets
from kitaru._engine.zenml.cleaning.removal import ZenMLMaintenance
from kitaru._engine.zenml.connection import account, active, connection
from kitaru._engine.zenml.deployments.service import ZenMLDeployments
from kitaru._engine.zenml.inspection import diagnosis, executions, failures
from kitaru._engine.zenml.inspection.values import Library
from kitaru._engine.zenml.pods import logs as pod_logs
from kitaru._engine.zenml.pods import remote_runs, stored_code
from kitaru._engine.zenml.recovery.recovery import Reconciler
from kitaru._engine.zenml.recovery.sweep import ZenMLReconciling
from kitaru._engine.zenml.running import launcher, local_execution
from kitaru._engine.zenml.runs import asked_for, runs, statuses
from kitaru._engine.zenml.runs.runs import find_run
from kitaru._engine.zenml.runs.trust import Gate
from kitaru._engine.zenml.setup import importing
from kitaru._engine.zenml.setup.errors import translated
from kitaru._engine.zenml.stacks import alerts
from kitaru._engine.zenml.stacks.stacks import ZenMLStacks
from kitaru._engine.zenml.waits import conditions
from kitaru._engine.zenml.waits.decisions import Decided, Decisions
from kitaru.errors import (
    KitaruBackendError,
    KitaruError,
    KitaruStateError,
    KitaruUsageError,
)
from kitaru.models import (
    ArtifactRef,
    Continuation,
    Execution,
    ExecutionStatus,
    LogEntry,
    Page,
    PendingWait,
)

# Pytest shows the frames of whoever calls us.
__tracebackhide__ = True

logger = logging.getLogger(__name__)

_LOOK_AGAIN = 0.1
_LOOK_AT_LOGS = 1.0
_KNOWN_IDS = 200


class ZenMLEngine:
    """Executions as ZenML runs.

    Args:
        synchronous: Store every outcome in ZenML before the flow goes on, for disks
            that do not outlive the process. The default journals on the local disk.
    """

    def __init__(self, *, synchronous: bool = False) -> None:
        folders.close()
        importing.ensure_source_root()
        importing.announce_setup()
        connection.open_connection()
        with translated("opening the store"):
            # Sets the store up on first use. The model, not the stack itself: packages
            # that the stack needs may be missing here, and much works without them.
            Client().active_stack_model  # noqa: B018
        if not connection.project_is_chosen():
            project, said_by = configuration.project()
            self.use_project(project, said_by=said_by)
        self.journal = Journal(folders.journal_path())
        self.queue = Queue(self.journal)
        self.breakpoints = JournalBreakpoints(self.journal)
        self.notices = JournalNotices(self.journal)
        self.recoveries = JournalRecoveries(self.journal)
        self.secrets = ZenMLSecrets()
        self.stacks = ZenMLStacks()
        self.maintenance = ZenMLMaintenance(self.journal, self.get)
        self._gate = Gate(self.journal)
        self._library = Library(self.journal, self._gate)
        self._decisions = Decisions(self.journal)
        self.launcher = launcher.Launcher(
            self.journal,
            self.queue,
            self.value,
            gate=self._gate,
            synchronous=synchronous,
        )
        self.deployments = ZenMLDeployments(self.launcher)
        self._reconciler = Reconciler(
            self.journal, self.queue, self.launcher.continue_elsewhere
        )
        self.reconciling = ZenMLReconciling(self.journal, self.queue, self._reconciler)

    # -- the platform around executions ----------------------------------------

    @property
    def connections(self) -> connection.ZenMLConnections:
        return connection.ZenMLConnections()

    @property
    def accounts(self) -> accounts.ZenMLAccounts:
        return accounts.ZenMLAccounts()

    def runs_here(self, execution_id: str) -> bool:
        return not remote_runs.runs_elsewhere(find_run(execution_id))

    def running_here(self) -> tuple[str, ...]:
        return self.journal.held_by(Holder.me())

    alerts_here = True

    def alert(self, text: str) -> None:
        alerts.tell(text)

    @property
    def wakes_others(self) -> bool:
        # ZenML does not know the thread that would look.
        return False

    def wake_others(self) -> None:
        """`reconcile` does that, and the local server."""

    # -- running -------------------------------------------------------------

    def launch(self, launch: Launch) -> tuple[str, Ending | None]:
        """Start an execution and run it to its end or its next unanswered wait."""
        return self.launcher.launch(launch)

    def launch_elsewhere(self, launch: Launch) -> tuple[str, Continuation]:
        return self.launcher.launch_elsewhere(launch)

    def call_records(self, execution_id: str) -> list[CallRecord]:
        with translated(f"reading execution {execution_id}"):
            return executions.known_calls(self.journal, execution_id)

    def recorded(self, execution_id: str) -> Recorded:
        run = find_run(execution_id)
        facts = runs.facts_to_run(run)
        with translated(f"reading execution {execution_id}"):
            calls = tuple(executions.known_calls(self.journal, execution_id))
        what = f"an input of execution {execution_id}"
        inputs: Mapping[str, Any] = local_execution.read_inputs(
            facts, self._gate.of_execution(execution_id, what)
        )
        if facts.has_json_inputs:
            stored_code.ensure(facts.deployed)
            inputs = attempts.fitted(facts, flow_loading.find(facts.source), inputs)
        return Recorded(
            execution_id=execution_id,
            source=facts.source,
            inputs=inputs,
            calls=calls,
            settings=runs.settings_of(run),
            deployed=facts.deployed,
            labels=facts.labels,
        )

    def keyed(self, key: str) -> tuple[str, str] | None:
        with translated(f"looking for the execution of key {key!r}"):
            run = asked_for.of_key(key)
        if run is None:
            return None
        return str(run.id), run.pipeline.name if run.pipeline else "unknown"

    def flow_source(self, execution_id: str) -> FlowSource:
        self._gate.check(
            execution_id, f"the flow of execution {execution_id} was not loaded: that"
        )
        facts = runs.facts_to_run(find_run(execution_id))
        stored_code.ensure(facts.deployed)
        return facts.source

    def continue_execution(
        self, execution_id: str, *, seen: ExecutionStatus
    ) -> Continuation:
        run = find_run(execution_id)
        check_unchanged(execution_id, seen, statuses.status_of(run))
        return self._continue(run)

    def _continue(self, run: PipelineRunResponse) -> Continuation:
        if not remote_runs.runs_elsewhere(run):
            flow_loading.refuse_unloadable(_source(run))
        return self.launcher.continue_elsewhere(run)

    def continue_here(
        self,
        execution_id: str,
        *,
        handed_over: bool = False,
        is_awaited: Callable[[], bool] = lambda: False,
    ) -> Ending:
        return self.launcher.continue_here(
            execution_id, handed_over=handed_over, is_awaited=is_awaited
        )

    def run_in_pod(
        self, run: PipelineRunResponse, stopping: Callable[[], bool]
    ) -> tuple[Ending, UUID | None]:
        """Run the body of an execution that another machine has started."""
        return self.launcher.run_in_pod(run, stopping)

    # -- looking -------------------------------------------------------------

    def get(self, execution_id: str) -> Execution:
        self._reconciler.see_to_queue()
        with translated(f"reading the waits of execution {execution_id}"):
            waits, over = self._decisions.waits_of(execution_id)
        run = self._reconciler.met(
            find_run(execution_id), has_open_wait=bool(waits), asked=True
        )
        if statuses.status_of(run).is_finished:
            waits = []
        with translated(f"reading execution {execution_id}"):
            return executions.detailed(
                run,
                self.journal,
                waits=(waits, over),
                bind=self._library.binder(execution_id),
            )

    def stored_status(self, execution_id: str) -> ExecutionStatus:
        return statuses.status_of(find_run(execution_id))

    def find(self, query: ExecutionQuery) -> Page[Execution]:
        self._reconciler.see_to_queue()
        with translated("listing executions"):
            page = asked_for.page(query)
        items = []
        for run in page.items:
            summary = executions.summary(self._met(run))
            if query.status is None or summary.status is query.status:
                items.append(summary)
        return Page[Execution](
            items=tuple(items), total=page.total, page=query.page, size=query.size
        )

    def _met(self, run: PipelineRunResponse) -> PipelineRunResponse:
        """Return a run of a list as it is after putting it right, if that can be done."""
        try:
            seen = self._reconciler.ended(run)
            if statuses.status_of(seen).is_finished:
                return seen
            open_wait = self._decisions.has_open_wait(run)
            return self._reconciler.met(run, has_open_wait=open_wait)
        except KitaruBackendError as error:
            if not is_of_a_row(error):
                raise
            # Whoever asks for this one is told; the others are to be seen.
            logger.debug("%s", error)
            return run

    def resolve_id(self, prefix: str) -> str:
        run = self._run_of_id(prefix)
        if run is not None and all(tag.name != runs.TAG for tag in run.tags):
            raise KitaruUsageError(
                f"{prefix!r} is a ZenML run that Kitaru did not start; see executions "
                "with: kitaru executions list"
            )
        if run is not None:
            return str(run.id)
        with translated(f"looking for execution {prefix}"):
            page = Client().list_pipeline_runs(
                id=f"startswith:{prefix}", tags=runs.TAG, size=10
            )
        if page.total == 1:
            return str(page.items[0].id)
        if page.total > 1:
            ids = ", ".join(str(run.id) for run in page.items)
            raise KitaruUsageError(
                f"{page.total} executions begin with {prefix!r}; give more of the id: {ids}"
            )
        raise KitaruUsageError(f"no execution {prefix!r}{self._closest(prefix)}")

    def _run_of_id(self, text: str) -> PipelineRunResponse | None:
        """Return the run with that whole id, without what takes long to read."""
        try:
            whole = UUID(text)
        except ValueError:
            return None
        with translated(f"looking for execution {text}"):
            try:
                return Client().zen_store.get_run(whole, hydrate=False)
            except KeyError:
                return None

    def _closest(self, prefix: str) -> str:
        with translated("listing executions"):
            page = Client().list_pipeline_runs(
                sort_by="desc:created", tags=runs.TAG, size=_KNOWN_IDS
            )
        known = [str(run.id)[: max(len(prefix), 8)] for run in page.items]
        hint = did_you_mean(prefix, known)
        return hint or "; see them with: kitaru executions list"

    def result(self, execution_id: str) -> object:
        return self._library.result(execution_id)

    def failure(self, execution_id: str) -> StoredFailure | None:
        run = find_run(execution_id)
        failure = failures.stored_failure(run, self.journal)
        if failure is None or self._gate.vouches_for(run):
            return failure
        # Described, not rebuilt: that would run code of somebody else.
        return replace(failure, pickled=None)

    # -- waits ---------------------------------------------------------------

    def pending_waits(self, execution_id: str | None) -> list[PendingWait]:
        with translated("listing open waits"):
            return self._decisions.open_waits(execution_id)

    def _open_wait(self, execution_id: str) -> PendingWait | None:
        found = self.pending_waits(execution_id)
        return found[0] if found else None

    def wait_names(self, execution_id: str) -> frozenset[str]:
        with translated(f"reading the waits of execution {execution_id}"):
            found = conditions.of(execution_id)
        return frozenset(
            condition_names.base_name(condition.name) for condition in found
        )

    def answer(self, wait: PendingWait, value: object, *, surface: str) -> Continuation:
        answer = answered.given(value, by=account.name(), surface=surface)
        decided = self._decisions.decide(wait, answer)
        if decided.lease is not None:
            return Continuation(how="runner", pid=decided.lease.holder.pid)
        try:
            return self._after_answer(wait, decided)
        except KitaruError as error:
            # Stored it is, and an error would ask for a second answer; what is left is
            # that nobody here can run the flow.
            return Continuation(how=f"the answer is stored, but {error}")

    def _after_answer(self, wait: PendingWait, decided: Decided) -> Continuation:
        assert wait.exec_id is not None  # waits of an engine know their execution
        run = find_run(wait.exec_id)
        if remote_runs.runs_elsewhere(run) and decided.condition is not None:
            elsewhere = remote_runs.after_answer(wait.exec_id, decided.condition)
            if elsewhere is not None:
                return elsewhere
        return self._continue(run)

    def abort(self, wait: PendingWait, *, surface: str) -> None:
        assert wait.exec_id is not None  # waits of an engine know their execution
        answer = answered.given_up(by=account.name(), surface=surface)
        decided = self._decisions.decide(wait, answer)
        for other in self.pending_waits(wait.exec_id):
            # Nobody goes on with them; whoever answered one meanwhile has done so.
            with suppress(KitaruStateError):
                self._decisions.decide(other, answer)
        if decided.lease is None:
            # No runner says so in the log.
            log = LogFile(log_folders.path_of(wait.exec_id))
            LogReporter(log).answered(wait.name, answer)

    # -- cancel --------------------------------------------------------------

    def cancel(self, execution_id: str, *, grace: float, surface: str) -> None:
        """Stop an execution: a waiting one at once, a running one at a checkpoint."""
        cancelling.cancel(
            _Cancellable(self, surface), self.journal, execution_id, grace=grace
        )

    # -- values, logs, diagnosis ---------------------------------------------

    @property
    def schedules(self) -> Schedules:
        """The schedules of the active project, in a store of this machine."""
        if not runs.store_is_a_file():
            raise schedules.not_on_a_server()
        return JournalSchedules(self.journal, str(Client().active_project.id))

    def store_id(self) -> str:
        """Return the id of the store that executions of this process are in."""
        return runs.store_id()

    def permit_of(self, execution_id: str, what: str) -> Permit:
        return self._gate.of_execution(execution_id, what)

    def artifacts(self, execution_id: str) -> list[ArtifactRef]:
        self.get(execution_id)
        return self._library.of_execution(execution_id)

    def artifact(self, artifact_id: str) -> ArtifactRef:
        return self._library.get(artifact_id)

    def value(self, execution_id: str, name: str, trust: bool) -> Found:
        if self.journal.execution(execution_id) is None:
            execution_id = self.resolve_id(execution_id)
        return self._library.find(execution_id, name, trust)

    def logs(self, execution_id: str, *, follow: bool) -> Iterator[LogEntry]:
        file = LogFile(log_folders.path_of(execution_id))
        if not file.path.exists():
            run = find_run(execution_id)
            if remote_runs.runs_elsewhere(run):
                return self._remote_logs(run, follow=follow)
        if not follow:
            return file.read()
        return file.follow(
            lambda: self._is_over(execution_id),
            lambda: time.sleep(_LOOK_AGAIN),
        )

    def _is_over(self, execution_id: str) -> bool:
        """Whether it has ended and its runner has said so in the log."""
        if not self.get(execution_id).status.is_finished:
            return False
        lease = self.journal.lease(execution_id)
        return lease is None or not lease.is_live

    def _remote_logs(
        self, run: PipelineRunResponse, *, follow: bool
    ) -> Iterator[LogEntry]:
        with active.stack(runs.stack_id_of(run)):
            log = pod_logs.RemoteLog(str(run.id))
        if not follow:
            return iter(log.read())
        return log.follow(
            lambda: self.stored_status(str(run.id)).is_finished,
            lambda: time.sleep(_LOOK_AT_LOGS),
        )

    def tell(self, notes: Sequence[str]) -> None:
        reporter = StreamReporter()
        for note in notes:
            reporter.warn(note)

    def use_project(self, name: str | None, *, said_by: str) -> None:
        active.use_project(name, said_by=said_by)

    def describe(self) -> dict[str, Any]:
        with translated("reading the status"):
            return diagnosis.describe(self.journal.path)


@dataclass(frozen=True, slots=True)
class _Cancellable:
    """What cancelling asks of an engine."""

    engine: ZenMLEngine
    surface: str

    def stopped_elsewhere(self, execution_id: str) -> bool:
        if self.has_open_wait(execution_id):
            wait = self.engine._open_wait(execution_id)
            if wait is not None:
                self.engine.abort(wait, surface=self.surface)
                return True
        run = find_run(execution_id)
        if remote_runs.runs_elsewhere(run):
            remote_runs.stop(run)
            return True
        return False

    def has_open_wait(self, execution_id: str) -> bool:
        if self.stored_status(execution_id) is not ExecutionStatus.WAITING:
            # One that runs stops at its next checkpoint, whatever it has asked.
            return False
        return self.engine._open_wait(execution_id) is not None

    def stored_status(self, execution_id: str) -> ExecutionStatus:
        status = self.engine.stored_status(execution_id)
        if status is not ExecutionStatus.WAITING:
            return status
        told = [
            self.engine._decisions.answer_of(str(condition.id))
            for condition in conditions.of(execution_id)
        ]
        # Who has given its wait up may not have shown that yet.
        is_given_up = any(answer is not None and answer.aborted for answer in told)
        return ExecutionStatus.CANCELLED if is_given_up else status

    def mark_cancelled(self, execution_id: str) -> None:
        with translated(f"cancelling execution {execution_id}"):
            runs.move(execution_id, RunStatus.STOPPED, "Cancelled.")


def _source(run: PipelineRunResponse) -> FlowSource:
    return runs.facts_to_run(run).source


def _json(words: list[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
