"""Executions as users see them, read from ZenML's file and the journal.

The answers are those of the ZenML engine. That one also puts right what a dead process
left, and reads what other machines wrote: an execution that needs either ends in
`OnlyZenMLKnows`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kitaru._core.calls import described, failures, usage
from kitaru._core.calls.records import CallRecord, StoredFailure, StoredValue
from kitaru._core.flows.facts import VERSION, LocalFacts
from kitaru._core.flows.metadata_keys import ANSWER_KEY, is_own
from kitaru._core.values.tagging import anything
from kitaru._core.waits import answered
from kitaru._core.waits.answered import ZENML, Answer
from kitaru._core.waits.condition_names import CALLS_BEFORE, base_name
from kitaru._engine.journal.journal import Journal
from kitaru._engine.local import store_file
from kitaru._engine.local.ground import Ground, OnlyZenMLKnows
from kitaru._engine.local.store_file import Condition, Run, StoreFile
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.runners.queue import Queue
from kitaru._engine.settings import folders
from kitaru._engine.values.value_files import FileValues, load
from kitaru.models import (
    AnsweredWait,
    ArtifactRef,
    CheckpointCall,
    Execution,
    ExecutionStatus,
    FailureInfo,
    FailureOrigin,
    Page,
    PendingWait,
)

_UNFINISHED = ("initializing", "provisioning", "running")
_DIED = FailureInfo(message="the runner died", origin=FailureOrigin.RUNTIME)


class Reader:
    """One look at all executions."""

    def __init__(self, store: StoreFile, journal: Journal, queue: Queue) -> None:
        self._store = store
        self._journal = journal
        self._queue = queue

    # -- executions --------------------------------------------------------------

    def find(self, query: ExecutionQuery) -> Page[Execution]:
        """Return executions without their calls, newest first."""
        self._refuse_stranded()
        runs, total = self._store.page(query)
        for run in runs:
            if run.status.is_finished:
                self._refuse_unshown_end(run)
            else:
                self._refuse_trouble(run, self._store.pending(run.execution_id))
        return Page[Execution](
            items=tuple(_summary(run) for run in runs),
            total=total,
            page=query.page,
            size=query.size,
        )

    def get(self, execution_id: str) -> Execution:
        """Return an execution with its calls, artifacts and waits."""
        self._refuse_stranded()
        run = self._store.run(execution_id)
        conditions = self._store.conditions(execution_id)
        if run.status.is_finished:
            self._refuse_unshown_end(run)
            self._refuse_leftovers(run)
        else:
            self._refuse_trouble(run, [c for c in conditions if c.is_pending])
        still_open, over = self._waits(conditions)
        facts = self._complete_facts(execution_id)
        records = sorted(self._journal.calls(execution_id), key=lambda r: r.order)
        calls = [described.call(record, _bound) for record in records]
        calls += self._calls_without_outcome(run, records)
        noted = self._journal.notes(execution_id)
        metadata = self._store.metadata(execution_id)
        shown = {key: value for key, value in metadata.items() if not is_own(key)}
        return _summary(run).model_copy(
            update={
                "metadata": {**noted, **shown, **noted},
                "failure": _failure(run, facts),
                "pending_wait": still_open[0] if still_open else None,
                "waits": tuple(over),
                "checkpoints": tuple(calls),
                "artifacts": (
                    *(ref for call in calls for ref in call.artifacts),
                    *_results(run, facts),
                ),
                "usage": usage.of_execution(records),
            }
        )

    def stored_status(self, execution_id: str) -> ExecutionStatus:
        """Return the status as it is noted; nothing is put right."""
        return self._store.run(execution_id).status

    def resolve_id(self, prefix: str) -> str:
        """Return the one execution id that begins with `prefix`."""
        found = self._store.ids_like(prefix)
        if len(found) != 1 or not found[0].startswith(prefix):
            # It says what else there is.
            raise OnlyZenMLKnows(f"{len(found)} executions begin with {prefix}")
        return found[0]

    def failure(self, execution_id: str) -> StoredFailure:
        """Return the failure that ended an execution."""
        return _stored_failure(self._complete_facts(execution_id))

    def facts_to_go_on(self, execution_id: str) -> LocalFacts:
        """Return what is noted of an execution that another process can run."""
        facts = self._store.facts(execution_id)
        if facts is None or facts.is_remote or not facts.source.is_loadable:
            raise OnlyZenMLKnows(f"{execution_id} is not for a process of its own")
        return self._complete_facts(execution_id)

    # -- waits -------------------------------------------------------------------

    def pending_waits(self, execution_id: str | None) -> list[PendingWait]:
        """Return open waits, of one execution or of all."""
        found = self._store.pending(execution_id)
        return [_pending_wait(c) for c in found if not self._is_answered(c)]

    def wait_names(self, execution_id: str) -> frozenset[str]:
        """Return the names of all waits that an execution came to."""
        found = self._store.conditions(execution_id)
        return frozenset(base_name(condition.name) for condition in found)

    def _waits(
        self, conditions: Sequence[Condition]
    ) -> tuple[list[PendingWait], list[AnsweredWait]]:
        named: dict[str, list[Condition]] = {}
        for condition in conditions:
            named.setdefault(base_name(condition.name), []).append(condition)
        still_open, over = [], []
        for asked in named.values():
            for condition in asked:
                wait = _pending_wait(condition)
                if condition.is_pending and not self._is_answered(condition):
                    still_open.append(wait)
                    continue
                again = condition is not asked[-1]
                answer = self._answer(condition)
                over.append(answered.described(wait, answer, refused=again))
        return still_open, over

    def _is_answered(self, condition: Condition) -> bool:
        """Whether the journal has the answer that its runner will tell ZenML."""
        return self._journal.answer(condition.wait_id) is not None

    def _answer(self, condition: Condition) -> Answer:
        noted = self._journal.answer(condition.wait_id)
        if noted is not None:
            return Answer.from_dict(noted)
        told = condition.metadata.get(ANSWER_KEY + base_name(condition.name))
        if not isinstance(told, dict):
            told = {"by": condition.resolved_by, "surface": ZENML}
        return Answer(
            json.loads(condition.result) if condition.result else None,
            condition.is_aborted,
            by=told.get("by"),
            surface=told.get("surface"),
            at=condition.resolved,
        )

    # -- what ZenML's engine has to do ---------------------------------------------

    def _refuse_stranded(self) -> None:
        if self._queue.stranded():
            raise OnlyZenMLKnows("executions queue for a process that is to be started")

    def _refuse_trouble(self, run: Run, pending: Sequence[Condition]) -> None:
        """Refuse an execution that has not ended and does not get on by itself."""
        self._complete_facts(run.execution_id)
        self._refuse_unshown_end(run)
        if self._queue.holds(run.execution_id) or self._is_run(run):
            return
        has_open_wait = any(not self._is_answered(wait) for wait in pending)
        if run.status is not ExecutionStatus.WAITING or not has_open_wait:
            raise OnlyZenMLKnows(f"nobody goes on with execution {run.execution_id}")
        self._refuse_leftovers(run)

    def _refuse_unshown_end(self, run: Run) -> None:
        """Refuse an execution whose flow has returned, which ZenML does not know."""
        if run.status in (ExecutionStatus.COMPLETED, ExecutionStatus.CANCELLED):
            return
        facts = self._journal.execution(run.execution_id)
        if facts is not None and facts.result is not None and not self._is_run(run):
            raise OnlyZenMLKnows(f"execution {run.execution_id} has completed")

    def _refuse_leftovers(self, run: Run) -> None:
        if self._is_run(run):
            # Its runner is about to show them.
            return
        if self._journal.calls(run.execution_id, unprojected=True):
            raise OnlyZenMLKnows(f"calls of {run.execution_id} are to be shown")

    def _is_run(self, run: Run) -> bool:
        lease = self._journal.lease(run.execution_id)
        return lease is not None and lease.is_live

    def _complete_facts(self, execution_id: str) -> LocalFacts:
        """Return what is noted of an execution whose outcomes are all in the journal."""
        facts = self._journal.execution(execution_id)
        if facts is None or facts.synchronous or facts.compacted:
            raise OnlyZenMLKnows(f"outcomes of {execution_id} may be in ZenML alone")
        if facts.version != VERSION:
            raise OnlyZenMLKnows(f"{execution_id} was recorded by an older version")
        if not (
            self._journal.was_started_here(execution_id) or folders.trusts_pickles()
        ):
            raise OnlyZenMLKnows(f"whose code {execution_id} runs")
        return facts

    def _calls_without_outcome(
        self, run: Run, records: Sequence[CallRecord]
    ) -> list[CheckpointCall]:
        """Return the calls that run now, or ran when the runner died."""
        if run.status not in (ExecutionStatus.RUNNING, ExecutionStatus.FAILED):
            return []
        finished = {record.invocation_id for record in records}
        return [
            described.call_without_outcome(
                run.execution_id,
                step.invocation_id,
                step.name,
                step.started,
                failure=None if step.word in _UNFINISHED else _DIED,
            )
            for step in self._store.steps(run.execution_id, but=finished)
        ]


@contextmanager
def looking(ground: Ground, journal: Journal, queue: Queue) -> Iterator[Reader]:
    """Look at all executions at one moment.

    Raises:
        OnlyZenMLKnows: If ZenML has to be asked; says why.
    """
    with store_file.opened(ground.database, ground.project_id) as store:
        yield Reader(store, journal, queue)


def _summary(run: Run) -> Execution:
    return Execution(
        exec_id=run.execution_id,
        flow_id=run.flow_id,
        flow_name=run.flow or "unknown",
        status=run.status,
        started_at=run.started,
        ended_at=run.ended if run.status.is_finished else None,
        stack_name=run.stack,
        status_reason=run.reason,
        original_exec_id=run.original,
    )


def _failure(run: Run, facts: LocalFacts) -> FailureInfo | None:
    if run.status is not ExecutionStatus.FAILED:
        return None
    return failures.describe(_stored_failure(facts))


def _stored_failure(facts: LocalFacts) -> StoredFailure:
    if facts.failure is None:
        raise OnlyZenMLKnows("nobody noted here why it failed")
    return facts.failure


def _results(run: Run, facts: LocalFacts) -> list[ArtifactRef]:
    """Return what the flow returned, if it has completed."""
    if run.status is not ExecutionStatus.COMPLETED:
        return []
    if facts.result is None:
        raise OnlyZenMLKnows(f"the result of {run.execution_id} is in ZenML alone")
    return [described.result_ref(run.execution_id, facts.result, _bound)]


def _pending_wait(condition: Condition) -> PendingWait:
    return PendingWait(
        wait_id=condition.wait_id,
        name=base_name(condition.name),
        question=condition.question,
        schema=json.loads(condition.schema) if condition.schema else None,
        metadata={
            name: value
            for name, value in condition.metadata.items()
            if name != CALLS_BEFORE and not name.startswith(ANSWER_KEY)
        },
        entered_waiting_at=condition.created,
        exec_id=condition.execution_id,
    )


def _bound(ref: ArtifactRef, value: StoredValue) -> ArtifactRef:
    """Give a record a `load()`; what this machine stored may be unpickled."""
    if value.payload is None and not Path(value.uri or "").is_absolute():
        raise OnlyZenMLKnows(f"{ref.name} is not on this disk")
    what = f"artifact {ref.name!r}"
    # What others stored was refused before.
    return ref.bind(
        lambda _trust: load(value, FileValues(Path()).get(value, what=what), anything)
    )
