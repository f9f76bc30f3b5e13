"""A durable engine without a disk: for tests, ours and users'.

Same session, same rules, same codec as the ZenML engine; only what outlives a process
is missing. Executions go on in the calling thread, and a wait pauses at once.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from kitaru._core.calls import described, failures, statuses, usage
from kitaru._core.calls.records import (
    CallRecord,
    StoredFailure,
)
from kitaru._core.calls.replay import Timeline
from kitaru._core.flows import shown
from kitaru._core.flows.signals import RunAgain
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.settings import settings
from kitaru._core.settings.settings import Settings
from kitaru._core.sources import FlowSource
from kitaru._core.values import codec
from kitaru._core.values.codec import Encoded
from kitaru._core.values.tagging import Permit, anything
from kitaru._core.versions.records import Version
from kitaru._core.waits import answered
from kitaru._core.waits.answered import Answer
from kitaru._core.words.similar import did_you_mean
from kitaru._core.words.wording import moment
from kitaru._engine.isolation import child_process
from kitaru._engine.memory.deployments import MemoryDeployments
from kitaru._engine.memory.executions import (
    Board,
    MemoryExecution,
    answered_waits,
    bound,
    now,
)
from kitaru._engine.memory.recording import Recorder, Values
from kitaru._engine.memory.services import (
    MemoryBreakpoints,
    MemoryNotices,
    MemoryReconciling,
    MemorySchedules,
    MemorySecrets,
    Unattended,
)
from kitaru._engine.output.log_capture import captured
from kitaru._engine.output.reporter import SilentReporter
from kitaru._engine.port.accounts import Accounts
from kitaru._engine.port.cleaning import Maintenance
from kitaru._engine.port.connections import Connections
from kitaru._engine.port.deployments import Invocation
from kitaru._engine.port.engine import ExecutionQuery, KeyTakenError, Launch, Recorded
from kitaru._engine.port.execution import (
    Ending,
    Found,
    Parts,
    Reporter,
)
from kitaru._engine.port.recovery import Reconciling
from kitaru._engine.port.stacks import Stacks
from kitaru._engine.session import endings, flow_attempt, futures
from kitaru._engine.session.session import Session
from kitaru._engine.settings import person
from kitaru._engine.values import value_files
from kitaru.errors import (
    KitaruFeatureNotAvailableError,
    KitaruRuntimeError,
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

_LOOK_AGAIN = 0.01


class MemoryEngine(Unattended):
    """Executions in a dict.

    Args:
        reporter: Where the lines of a run go; nowhere by default.
        kill_after: Invocation id after whose durable result the process "dies", once.
        clock: The time that waits go by; that of the system by default.
        notifies: Whether webhooks are told of waits.
        always_again: Whether the body runs again from the top after every call.
    """

    def __init__(
        self,
        *,
        reporter: Reporter | None = None,
        kill_after: str | None = None,
        clock: Callable[[], datetime] = now,
        notifies: bool = True,
        always_again: bool = False,
    ) -> None:
        self.always_again = always_again
        self.clock = clock
        self.executions: dict[str, MemoryExecution] = {}
        self.kill_after = kill_after
        # Of several threads one lets an execution go on.
        self._deciding = threading.Lock()
        self.secrets = MemorySecrets()
        self.deployments = MemoryDeployments(self._invoke)
        self.schedules = MemorySchedules(clock)
        self.breakpoints = MemoryBreakpoints()
        self.notices = MemoryNotices(are_sent=notifies)
        self._reporter = reporter or SilentReporter()

    @property
    def stacks(self) -> Stacks:
        """There are none in memory."""
        raise _not_in_memory("stacks")

    @property
    def maintenance(self) -> Maintenance:
        """Nothing is left behind in memory."""
        raise _not_in_memory("files to clean up")

    @property
    def reconciling(self) -> Reconciling:
        """Runners cannot die without their memory, and answers go on at once."""
        return MemoryReconciling()

    # -- running -------------------------------------------------------------

    def launch(self, launch: Launch) -> tuple[str, Ending | None]:
        """Start an execution and run it to its end or its next wait."""
        flow = launch.flow
        inputs = codec.encode(
            dict(launch.inputs), what=f"the inputs of flow {flow.name!r}"
        )
        execution = MemoryExecution(
            str(uuid.uuid4()),
            flow,
            inputs,
            now(),
            replay=launch.replay,
            settings=launch.options.settings,
            deployed=launch.deployed,
            labels=launch.labels,
        )
        self._add(execution)
        if launch.replay is None:
            self.breakpoints.take_next(flow.name, execution.execution_id)
        self.breakpoints.change(execution.execution_id, add=launch.break_before)
        return execution.execution_id, self._run(execution)

    def _add(self, execution: MemoryExecution) -> None:
        key = execution.labels.key
        with self._deciding:
            if key is not None and self.keyed(key):
                raise KeyTakenError(key)
            self.executions[execution.execution_id] = execution

    def _invoke(
        self, flow: FlowSpec, version: Version, invocation: Invocation
    ) -> tuple[str, Continuation]:
        """Start an execution of a version, here and now."""
        code = replace(version.facts.deployed, deployment_id=version.deployment_id)
        what = f"the inputs of {version.label}"
        said = Settings(budget=invocation.budget)
        execution = MemoryExecution(
            str(uuid.uuid4()),
            flow,
            codec.encode(dict(invocation.inputs), what=what),
            now(),
            settings=settings.merge(version.facts.settings, said),
            deployed=code,
            has_json_inputs=True,
            labels=invocation.labels,
        )
        self._add(execution)
        self.breakpoints.take_next(flow.name, execution.execution_id)
        self._run(execution)
        return execution.execution_id, Continuation(how="here")

    def continue_execution(
        self, execution_id: str, *, seen: ExecutionStatus
    ) -> Continuation:
        """Let it go on, here and now."""
        execution = self._find(execution_id)
        with self._deciding:
            statuses.check_unchanged(execution_id, seen, execution.status)
            execution.go_on()
        self._run(execution)
        return Continuation(how="here")

    def continue_here(
        self,
        execution_id: str,
        *,
        handed_over: bool = False,
        is_awaited: Callable[[], bool] = lambda: False,
    ) -> Ending:
        execution = self._find(execution_id)
        with self._deciding:
            if execution.status is not ExecutionStatus.WAITING:
                seen = ExecutionStatus.FAILED
                statuses.check_unchanged(execution_id, seen, execution.status)
            execution.go_on()
        return self._run(execution)

    def _run(self, execution: MemoryExecution) -> Ending:
        execution.status = ExecutionStatus.RUNNING
        execution.failure = None
        self._reporter.begun(
            execution.execution_id,
            execution.flow.name,
            finished_calls=len(execution.calls),
            here_only=False,
        )
        ending = self._attempt(execution)
        while isinstance(ending.error, RunAgain):
            ending = self._attempt(execution)
        execution.status = ending.status
        execution.ended_at = now() if ending.status.is_finished else None
        if ending.status is ExecutionStatus.FAILED:
            assert ending.error is not None
            assert ending.origin is not None
            execution.failure = failures.store(ending.error, ending.origin)
        for notice in execution.ended() if ending.status.is_finished else ():
            self.notices.add(notice)
        endings.tell_failure(
            execution.flow, execution.execution_id, ending, self._reporter
        )
        self._reporter.ended(execution.execution_id, execution.flow.name, ending)
        return ending

    def _attempt(self, execution: MemoryExecution) -> Ending:
        """Run the body once from the top."""
        session = Session(
            execution_id=execution.execution_id,
            flow=execution.flow,
            timeline=self._timeline(execution),
            parts=Parts(
                recorder=Recorder(execution, self),
                values=Values(),
                board=Board(
                    execution,
                    self._inherited_answers(execution),
                    self.clock,
                    self.notices.add,
                ),
                reporter=self._reporter,
                breakpoints=self.breakpoints,
                find=self.value,
                stays=lambda: False,
                run_isolated=child_process.run,
                width=futures.configured_width(),
                retries=execution.settings.retries or 0,
                cache=bool(execution.settings.cache),
                budget=execution.settings.budget,
                notify=execution.settings.notify,
                run_foreign=lambda spec, _id, args, kwargs: spec.function(
                    *args, **kwargs
                ),
            ),
        )
        inputs = execution.decoded_inputs()

        def keep(encoded: Encoded) -> None:
            execution.result = encoded

        with captured(execution.execution_id, execution):
            return flow_attempt.run(session, inputs, keep=keep, fitted=execution.fitted)

    def _timeline(self, execution: MemoryExecution) -> Timeline:
        own = list(execution.calls.values())
        replay = execution.replay
        if replay is None:
            return Timeline(own)
        return Timeline(own, replay, list(self._find(replay.source).calls.values()))

    def _inherited_answers(self, execution: MemoryExecution) -> dict[str, Answer]:
        """Return the answers that a replay takes over from its source."""
        replay = execution.replay
        if replay is None:
            return {}
        source = self._find(replay.source)
        anchor = source.calls[replay.anchor]
        return {
            wait.name: source.answers[wait.wait_id]
            for wait in source.waits
            if wait.wait_id in source.answers
            and source.calls_before[wait.wait_id] < anchor.order
            and source.terms[wait.wait_id].is_taken_over(replay.reuse_waits)
        }

    def dies_after(self, invocation_id: str) -> bool:
        """Whether the process "dies" now; it does so once."""
        if self.kill_after != invocation_id:
            return False
        self.kill_after = None
        return True

    def cached(self, key: str) -> CallRecord | None:
        """Return the newest completed call with that cache key."""
        for execution in reversed(self.executions.values()):
            for record in reversed(execution.calls.values()):
                if record.cache_key == key:
                    return record
        return None

    def launch_elsewhere(self, launch: Launch) -> tuple[str, Continuation]:
        """Start an execution, here and now."""
        execution_id, _ = self.launch(launch)
        return execution_id, Continuation(how="here")

    def call_records(self, execution_id: str) -> list[CallRecord]:
        return list(self._find(execution_id).calls.values())

    def recorded(self, execution_id: str) -> Recorded:
        execution = self._find(execution_id)
        return Recorded(
            execution_id=execution.execution_id,
            source=execution.flow.source,
            inputs=execution.fitted(execution.decoded_inputs()),
            calls=tuple(execution.calls.values()),
            settings=execution.settings,
            deployed=execution.deployed,
            labels=execution.labels,
        )

    def keyed(self, key: str) -> tuple[str, str] | None:
        for execution in self.executions.values():
            if execution.labels.key == key:
                return execution.execution_id, execution.flow.name
        return None

    def flow_source(self, execution_id: str) -> FlowSource:
        return self._find(execution_id).flow.source

    # -- the platform around executions ----------------------------------------

    @property
    def connections(self) -> Connections:
        """There is no server in memory."""
        raise KitaruFeatureNotAvailableError(
            "an engine in memory is connected to nothing; connect outside of the tester"
        )

    @property
    def accounts(self) -> Accounts:
        """There are no accounts in memory."""
        raise KitaruFeatureNotAvailableError("an engine in memory has no accounts")

    def runs_here(self, execution_id: str) -> bool:
        return execution_id in self.executions

    def running_here(self) -> tuple[str, ...]:
        """Executions run within one call, so none runs between calls."""
        return ()

    # -- looking -------------------------------------------------------------

    def get(self, execution_id: str) -> Execution:
        execution = self._find(execution_id)
        self._meet(execution)
        ordered = sorted(execution.calls.values(), key=lambda record: record.order)
        calls = tuple(described.call(record, bound) for record in ordered)
        spent, waits = usage.of_execution(ordered), tuple(answered_waits(execution))
        return execution.summary().model_copy(
            update={
                "metadata": dict(execution.notes),
                "failure": execution.described_failure(),
                "pending_wait": next(iter(self.pending_waits(execution_id)), None),
                "pending_waits": tuple(self.pending_waits(execution_id)),
                "waits": waits,
                "checkpoints": calls,
                "artifacts": (
                    *(ref for call in calls for ref in call.artifacts),
                    *execution.result_refs(),
                ),
                "usage": spent,
                "budget": usage.budget_shown(execution.settings.budget, waits, spent),
                **shown.details(
                    value_files.inline(execution.inputs),
                    value_files.inline(execution.result) if execution.result else None,
                    execution.settings,
                    execution.deployed,
                    execution.labels,
                    lambda value: value.payload or b"",
                ),
            }
        )

    def stored_status(self, execution_id: str) -> ExecutionStatus:
        return self._find(execution_id).status

    def find(self, query: ExecutionQuery) -> Page[Execution]:
        for execution in list(self.executions.values()):
            self._meet(execution)
        found = [
            execution.summary()
            for execution in reversed(self.executions.values())
            if execution.answers_to(query)
        ]
        start = (query.page - 1) * query.size
        return Page[Execution](
            items=tuple(found[start : start + query.size]),
            total=len(found),
            page=query.page,
            size=query.size,
        )

    def resolve_id(self, prefix: str) -> str:
        found = [known for known in self.executions if known.startswith(prefix)]
        if len(found) == 1:
            return found[0]
        if found:
            raise KitaruUsageError(
                f"{len(found)} executions begin with {prefix!r}; give more of the id: "
                f"{', '.join(found)}"
            )
        known = [known[: max(len(prefix), 8)] for known in self.executions]
        hint = did_you_mean(prefix, known) or "; see them with: kitaru executions list"
        raise KitaruUsageError(f"no execution {prefix!r}{hint}")

    def result(self, execution_id: str) -> object:
        result = self._find(execution_id).result
        if result is None:
            raise KitaruRuntimeError(f"execution {execution_id} has no stored result")
        return codec.decode(result.serializer, result.payload, anything)

    def failure(self, execution_id: str) -> StoredFailure | None:
        return self._find(execution_id).failure

    # -- waits and cancel ----------------------------------------------------

    def wait_names(self, execution_id: str) -> frozenset[str]:
        return frozenset(wait.name for wait in self._find(execution_id).waits)

    def pending_waits(self, execution_id: str | None) -> list[PendingWait]:
        chosen = (
            self.executions.values()
            if execution_id is None
            else [self._find(execution_id)]
        )
        for execution in list(chosen):
            self._meet(execution)
        return [
            wait
            for execution in chosen
            if not execution.status.is_finished
            for wait in execution.open_waits
        ]

    def answer(self, wait: PendingWait, value: object, *, surface: str) -> Continuation:
        answer = answered.given(value, by=person.here(), surface=surface)
        with self._deciding:
            execution = self._settle(wait, answer)
            execution.go_on()
        self._run(execution)
        return Continuation(how="here")

    def abort(self, wait: PendingWait, *, surface: str) -> None:
        answer = answered.given_up(by=person.here(), surface=surface)
        with self._deciding:
            execution = self._settle(wait, answer)
            for other in execution.open_waits:
                self._settle(other, answer)
            execution.status = ExecutionStatus.CANCELLED
            execution.ended_at = now()
        execution.write(answered.sentence(wait.name, answer))

    def next_due(self) -> datetime | None:
        """Return when the next open wait expires, or a flow is to start."""
        moments = [wait.expires_at for wait in self.pending_waits(None)]
        moments += [planned.at for planned in self.schedules.find()]
        return min((one for one in moments if one is not None), default=None)

    def _meet(self, execution: MemoryExecution) -> None:
        """Let an execution go on that waits for nothing but the clock."""
        for notice in execution.reminded(self.clock()):
            self.notices.add(notice)
        with self._deciding:
            due = [
                wait
                for wait in execution.open_waits
                if execution.status is ExecutionStatus.WAITING
                and execution.terms[wait.wait_id].is_over(self.clock())
            ]
            for wait in due:
                self._settle(wait, execution.terms[wait.wait_id].outcome())
            if not due:
                return
            execution.go_on()
        self._run(execution)

    def _settle(self, wait: PendingWait, answer: Answer) -> MemoryExecution:
        assert wait.exec_id is not None  # waits of an engine know their execution
        execution = self._find(wait.exec_id)
        stands = execution.answers.setdefault(wait.wait_id, answer)
        if stands is not answer:
            what = "was answered by somebody else a moment ago"
            if stands.over:
                what = f"is over since {moment(stands.at)}"
            raise KitaruStateError(
                f"wait {wait.name!r} of execution {wait.exec_id} {what}; nothing was "
                "changed"
            )
        for notice in execution.over(wait.wait_id, answer):
            self.notices.add(notice)
        return execution

    def cancel(self, execution_id: str, *, grace: float, surface: str) -> None:
        execution = self._find(execution_id)
        deadline = time.monotonic() + grace
        while execution.status is not ExecutionStatus.CANCELLED:
            waits = execution.open_waits
            if waits and execution.status is ExecutionStatus.WAITING:
                self.abort(waits[0], surface=surface)
                return
            statuses.check_cancel(execution_id, execution.status)
            if time.monotonic() > deadline:
                raise KitaruStateError(
                    f"execution {execution_id} did not stop; it will at its next "
                    "checkpoint"
                )
            # Another thread runs it.
            execution.is_to_stop = True
            time.sleep(_LOOK_AGAIN)

    # -- values, logs, diagnosis ---------------------------------------------

    def artifacts(self, execution_id: str) -> list[ArtifactRef]:
        return list(self.get(execution_id).artifacts)

    def artifact(self, artifact_id: str) -> ArtifactRef:
        for execution_id in self.executions:
            for ref in self.artifacts(execution_id):
                if ref.artifact_id == artifact_id:
                    return ref
        raise KitaruUsageError(
            f"no artifact {artifact_id!r}; ids are listed by "
            "KitaruClient().artifacts.list(execution_id)"
        )

    def value(self, execution_id: str, name: str, trust: bool) -> Found:
        execution = self._find(execution_id)
        calls = list(execution.calls.values())
        value = described.named_value(execution.execution_id, name, calls)
        data = Values().get(value, what=f"artifact {name!r}")
        return Found(value, data, anything)

    def logs(self, execution_id: str, *, follow: bool) -> Iterator[LogEntry]:
        yield from self._find(execution_id).logs

    def tell(self, notes: Sequence[str]) -> None:
        for note in notes:
            self._reporter.warn(note)

    def use_project(self, name: str | None, *, said_by: str) -> None:
        """Do nothing: memory is one project, whatever it is called."""

    def describe(self) -> dict[str, Any]:
        return {"connection": "memory", "executions": len(self.executions)}

    def _find(self, execution_id: str) -> MemoryExecution:
        return self.executions[self.resolve_id(execution_id)]

    def store_id(self) -> str:
        return "memory"

    def permit_of(self, execution_id: str, what: str) -> Permit:
        return anything


def _not_in_memory(what: str) -> KitaruFeatureNotAvailableError:
    return KitaruFeatureNotAvailableError(
        f"an engine in memory has no {what}; run this on ZenML"
    )
