"""Executions as users see them, read from ZenML's file and the journal.

The answers are those of the ZenML engine. That one also reads what other machines wrote:
an execution that needs it ends in `OnlyZenMLKnows`. One that somebody has to go on with,
or whose end ZenML does not show, ends in `UnsettledError`, so that it is put right first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kitaru._core.calls import described, failures, usage
from kitaru._core.calls.records import CallRecord, StoredFailure, StoredValue
from kitaru._core.flows import shown
from kitaru._core.flows.facts import VERSION, ExecutionFacts, LocalFacts
from kitaru._core.flows.metadata_keys import is_own
from kitaru._core.settings.labels import run_name, without
from kitaru._core.values.tagging import anything
from kitaru._core.versions.records import Version
from kitaru._core.waits import answered
from kitaru._core.waits.answered import Answer
from kitaru._core.waits.condition_names import base_name, terms_in
from kitaru._core.words.similar import did_you_mean
from kitaru._engine.code import unpacked
from kitaru._engine.journal import due
from kitaru._engine.journal.journal import Journal
from kitaru._engine.local import conditions
from kitaru._engine.local.conditions import by_name
from kitaru._engine.local.store import file
from kitaru._engine.local.store.file import Condition, Run
from kitaru._engine.local.store.ground import Ground, OnlyZenMLKnows, UnsettledError
from kitaru._engine.local.store.look import Store
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.port.execution import Found
from kitaru._engine.runners import recoveries
from kitaru._engine.runners.queue import Queue
from kitaru._engine.settings import folders
from kitaru._engine.values.value_files import FileValues, load
from kitaru.errors import KitaruUsageError
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

    def __init__(
        self,
        store: Store,
        store_id: str,
        journal: Journal,
        queue: Queue,
        seen_to: Collection[str] = (),
    ) -> None:
        self._store = store
        self._seen_to = seen_to
        self.store_id = store_id
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
                self._refuse_trouble(run, self._pending_of(run.execution_id))
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
        asked = self._store.conditions(execution_id)
        if run.status.is_finished:
            self._refuse_unshown_end(run)
            self._refuse_leftovers(run)
        else:
            self._refuse_trouble(run, [c for c in asked if c.is_pending])
        still_open, over = self._waits(asked)
        if run.status.is_finished:
            still_open = []
        records = sorted(self.known_calls(execution_id), key=lambda r: r.order)
        bind = self._binder(execution_id)
        calls = [described.call(record, bind) for record in records]
        calls += self._calls_without_outcome(run, records)
        noted = self._journal.notes(execution_id)
        metadata = self._store.metadata(execution_id)
        started = self._started(run)
        logged = {key: value for key, value in metadata.items() if not is_own(key)}
        logged = without(started.labels.attributes, logged)
        return _summary(run).model_copy(
            update={
                "metadata": {**noted, **logged, **noted},
                "failure": self._described_failure(run),
                "pending_wait": still_open[0] if still_open else None,
                "pending_waits": tuple(still_open),
                "waits": tuple(over),
                "checkpoints": tuple(calls),
                "artifacts": (
                    *(ref for call in calls for ref in call.artifacts),
                    *self._results(run, bind),
                ),
                "usage": (spent := usage.of_execution(records)),
                "budget": usage.budget_shown(started.settings.budget, over, spent),
                **self._details(run, started),
            }
        )

    def keyed(self, key: str) -> tuple[str, str] | None:
        """Return the execution of a key, and the name of its flow."""
        run = self._store.named(run_name(key))
        return (run.execution_id, run.flow or "unknown") if run else None

    def run(self, execution_id: str) -> Run:
        """Return the run of an execution as it is noted."""
        return self._store.run(execution_id)

    def known_calls(self, execution_id: str) -> list[CallRecord]:
        """Return the outcomes of an execution."""
        self._complete_facts(execution_id)
        return self._journal.calls(execution_id)

    def _started(self, run: Run) -> ExecutionFacts:
        started = self._store.facts(run.execution_id)
        if started is None:
            raise OnlyZenMLKnows(f"how {run.execution_id} was started")
        return started

    def _details(self, run: Run, started: ExecutionFacts) -> dict[str, Any]:
        has_ended = run.status is ExecutionStatus.COMPLETED
        result = self._result_of(run.execution_id) if has_ended else None
        return shown.details(
            started.inputs,
            result,
            started.settings,
            started.deployed,
            started.labels,
            _bytes,
        )

    def stored_status(self, execution_id: str) -> ExecutionStatus:
        """Return the status as it is noted; nothing is put right."""
        return self._store.run(execution_id).status

    def resolve_id(self, prefix: str) -> str:
        """Return the one execution id that begins with `prefix`.

        Raises:
            KitaruUsageError: If there is none, or several.
        """
        found = self._store.ids_like(prefix)
        if len(found) == 1:
            return found[0]
        if found:
            raise KitaruUsageError(
                f"{len(found)} executions begin with {prefix!r}; give more of the id: "
                f"{', '.join(found)}"
            )
        if self._store.is_foreign(prefix):
            raise KitaruUsageError(
                f"{prefix!r} is a ZenML run that Kitaru did not start; see executions "
                "with: kitaru executions list"
            )
        known = [one[: max(len(prefix), 8)] for one in self._store.newest_ids()]
        hint = did_you_mean(prefix, known) or "; see them with: kitaru executions list"
        raise KitaruUsageError(f"no execution {prefix!r}{hint}")

    def failure(self, execution_id: str) -> StoredFailure | None:
        """Return the failure that ended an execution."""
        failure = self._complete_facts(execution_id).failure
        if failure is None:
            raise OnlyZenMLKnows("nobody noted here why it failed")
        return failure

    def facts_to_run(self, execution_id: str) -> tuple[str | None, ExecutionFacts]:
        """Return the stack of an execution of this machine, and what it needs to run."""
        run, facts = self._store.run(execution_id), self._store.facts(execution_id)
        if facts is None or facts.is_remote:
            raise OnlyZenMLKnows(f"{execution_id} does not run on this machine")
        self._complete_facts(execution_id)
        here = unpacked.source_of(facts.source, facts.deployed)
        return run.stack, replace(facts, source=here)

    def versions(self, flow: str | None) -> list[Version]:
        """Return the deployed versions of a flow or of all flows, oldest first."""
        return self._store.versions(flow)

    def artifact(self, artifact_id: str) -> ArtifactRef:
        """Return an artifact of an execution by Kitaru's id."""
        execution_id = self._store.maker_of(artifact_id)
        for ref in self.get(execution_id).artifacts if execution_id else ():
            if ref.artifact_id == artifact_id:
                return ref
        raise OnlyZenMLKnows(f"no execution has made artifact {artifact_id}")

    def value(self, execution_id: str, name: str) -> Found:
        """Return a value by its name in an execution, of which a prefix will do."""
        if self._journal.execution(execution_id) is None:
            execution_id = self.resolve_id(execution_id)
        value = described.named_value(
            execution_id, name, self.known_calls(execution_id)
        )
        data = FileValues(Path()).get(value, what=f"artifact {name!r}")
        # What others stored was refused before.
        return Found(value, data, anything)

    def noted(self, execution_id: str) -> LocalFacts:
        """Return what this machine has noted of an execution of its own."""
        return self._complete_facts(execution_id)

    def result(self, execution_id: str) -> object:
        """Return what a completed execution returned."""
        self._complete_facts(execution_id)
        result = self._result_of(execution_id)
        assert result is not None  # one of this machine is in the journal
        what = f"the result of execution {execution_id}"
        return load(result, FileValues(Path()).get(result, what=what), anything)

    def _result_of(self, execution_id: str) -> StoredValue | None:
        """Return what a completed execution returned; `None` if it is not here."""
        facts = self._journal.execution(execution_id)
        if facts is None or facts.result is None:
            raise OnlyZenMLKnows(f"the result of {execution_id} is in ZenML alone")
        return facts.result

    def _results(self, run: Run, bind: described.Bind) -> list[ArtifactRef]:
        """Return what the flow returned, if it has completed."""
        if run.status is not ExecutionStatus.COMPLETED:
            return []
        result = self._result_of(run.execution_id)
        return [described.result_ref(run.execution_id, result, bind)] if result else []

    def _described_failure(self, run: Run) -> FailureInfo | None:
        if run.status is not ExecutionStatus.FAILED:
            return None
        failure = self.failure(run.execution_id)
        return failures.describe(failure) if failure is not None else None

    def _binder(self, execution_id: str) -> described.Bind:
        """Return what gives records of an execution a `load()`."""
        return _bound

    # -- waits -------------------------------------------------------------------

    def pending_waits(self, execution_id: str | None) -> list[PendingWait]:
        """Return open waits, of one execution or of all."""
        found = self._store.pending(execution_id)
        self._refuse_due(found)
        # What has ended has no use for answers any more.
        asking = {
            one
            for one in {condition.execution_id for condition in found}
            if not self._store.has_ended(one)
        }
        return [
            conditions.pending_wait(c)
            for c in found
            if c.execution_id in asking and not self._is_answered(c)
        ]

    def due_waits(self, execution_id: str) -> list[Condition]:
        """Return the waits of an execution whose time is over, without an answer."""
        return self._due(self._store.pending(execution_id))

    def conditions(self, execution_id: str) -> list[Condition]:
        """Return all waits of an execution, oldest first."""
        return self._store.conditions(execution_id)

    def answers_before(
        self, execution_id: str, order: int, *, reuse_waits: bool
    ) -> dict[str, Answer]:
        """Return what came of waits before a flow's so-manieth call, for a replay.

        Without `reuse_waits` only of timers.
        """
        named = by_name(self._store.conditions(execution_id))
        return {
            name: self._answer(asked[-1])
            for name, asked in named.items()
            if not (asked[-1].is_pending and not self._is_answered(asked[-1]))
            and conditions.calls_before(asked[-1]) < order
            and terms_in(asked[-1].metadata).is_taken_over(reuse_waits)
        }

    def wait_names(self, execution_id: str) -> frozenset[str]:
        """Return the names of all waits that an execution came to."""
        found = self._store.conditions(execution_id)
        return frozenset(base_name(condition.name) for condition in found)

    def _waits(
        self, those: Sequence[Condition]
    ) -> tuple[list[PendingWait], list[AnsweredWait]]:
        still_open, over = [], []
        for asked in by_name(those).values():
            for condition in asked:
                wait = conditions.pending_wait(condition)
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
        told = conditions.answer_of(self._journal, condition.wait_id)
        return told or conditions.answer_in(condition)

    # -- what ZenML's engine has to do ---------------------------------------------

    def _refuse_stranded(self) -> None:
        for execution_id in self._queue.stranded():
            self._refuse(execution_id, "it queues for a process that is to be started")
        for execution_id in recoveries.that_are_due(self._journal, self._queue):
            # Of another store or project it is none of ours.
            if self._store.is_ours(execution_id):
                self._refuse(execution_id, "it goes on after its runner died")

    def _refuse_trouble(self, run: Run, pending: Sequence[Condition]) -> None:
        """Refuse an execution that has not ended and does not get on by itself."""
        self._complete_facts(run.execution_id)
        self._refuse_unshown_end(run)
        if self._queue.holds(run.execution_id) or self._is_run(run):
            return
        self._refuse_due(pending)
        has_open_wait = any(not self._is_answered(wait) for wait in pending)
        untaken = due.has_untaken(self._journal, run.execution_id)
        if run.status is not ExecutionStatus.WAITING or not has_open_wait or untaken:
            self._refuse(run.execution_id, "nobody goes on with it")
        self._refuse_leftovers(run)

    def _refuse_due(self, pending: Sequence[Condition]) -> None:
        """Refuse a wait whose time is over, unless a runner is about to see that."""
        for wait in self._due(pending):
            lease = self._journal.lease(wait.execution_id)
            if lease is None or not lease.is_live:
                self._refuse(wait.execution_id, f"wait {wait.name!r} is over")

    def _pending_of(self, execution_id: str) -> list[Condition]:
        """Return the waits of a listed execution that ZenML takes for open."""
        return self._store.pending(execution_id)

    def _due(self, pending: Sequence[Condition]) -> list[Condition]:
        moment = due.now()
        return [
            wait
            for wait in pending
            if terms_in(wait.metadata).is_over(moment) and not self._is_answered(wait)
        ]

    def _refuse_unshown_end(self, run: Run) -> None:
        """Refuse an execution whose flow has returned, which ZenML does not know."""
        if run.status in (ExecutionStatus.COMPLETED, ExecutionStatus.CANCELLED):
            return
        facts = self._journal.execution(run.execution_id)
        if facts is not None and facts.result is not None and not self._is_run(run):
            self._refuse(run.execution_id, "it has completed")

    def _refuse_leftovers(self, run: Run) -> None:
        if self._is_run(run):
            # Its runner is about to show them.
            return
        if self._journal.calls(run.execution_id, unprojected=True):
            self._refuse(run.execution_id, "calls are to be shown")

    def _refuse(self, execution_id: str, why: str) -> None:
        if execution_id not in self._seen_to:
            raise UnsettledError(execution_id, why)

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
def looking(
    ground: Ground, journal: Journal, queue: Queue, *, seen_to: Collection[str] = ()
) -> Iterator[Reader]:
    """Look at all executions at one moment.

    Args:
        ground: The store.
        journal: The journal.
        queue: What queues for a process.
        seen_to: Executions that are shown as they are, since nobody can put them right.

    Raises:
        UnsettledError: If one has to be put right first.
        OnlyZenMLKnows: If ZenML has to be asked; says why.
    """
    with file.opened(ground.database, ground.project_id) as store:
        yield Reader(store, ground.store_id, journal, queue, seen_to)


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


def _bytes(value: StoredValue) -> bytes:
    if value.payload is None and not Path(value.uri or "").is_absolute():
        raise OnlyZenMLKnows("a value is not on this disk")
    return FileValues(Path()).get(value, what="a value")


def _bound(ref: ArtifactRef, value: StoredValue) -> ArtifactRef:
    """Give a record a `load()`; what this machine stored may be unpickled."""
    if value.payload is None and not Path(value.uri or "").is_absolute():
        raise OnlyZenMLKnows(f"{ref.name} is not on this disk")
    what = f"artifact {ref.name!r}"
    # What others stored was refused before.
    return ref.bind(
        lambda _trust: load(value, FileValues(Path()).get(value, what=what), anything)
    )
