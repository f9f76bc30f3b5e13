"""Decide which executions may go: none that runs, waits, or is used by one that stays."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from zenml.client import Client
from zenml.models import PipelineRunResponse

from kitaru._core.upkeep import retention as retentions
from kitaru._engine.journal import due
from kitaru._engine.journal.journal import Entry, Journal
from kitaru._engine.zenml.cleaning import local_files, unused_code
from kitaru._engine.zenml.runs import runs, statuses
from kitaru._engine.zenml.setup.errors import translated
from kitaru.models import (
    CleanItem,
    CleanPlan,
    CleanScope,
    ExecutionStatus,
    KeptItem,
    Retention,
)

REMOVED = "removed"
USED = "used by an execution that stays"
RUNS, WAITS = "it runs", "it waits; cancel it to let it go"
# Somebody was told that it goes on.
UNSEEN = "its question was answered, and its process has died since; look at it first"
_ELSEWHERE = "it is in another store; connect to that one first"
_OTHER_PROJECT = "it is in another ZenML project; switch to that one first"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# How a description of a value names the execution it belongs to.
_OWNER = re.compile(rf"/{local_files.FOLDER}/({_UUID})/")


@dataclass(frozen=True, slots=True)
class Known:
    """One execution: what the journal and ZenML know of it."""

    execution_id: str
    entry: Entry | None
    run: PipelineRunResponse | None

    @property
    def flow_name(self) -> str:
        """The name of its flow."""
        if self.run is not None and self.run.pipeline:
            return self.run.pipeline.name
        return (self.entry.facts.flow if self.entry else None) or "unknown"


@dataclass
class _Sorted:
    """Executions that may go, with their status, and those that stay, with a reason."""

    going: dict[str, tuple[Known, str]] = field(default_factory=dict)
    kept: dict[str, tuple[Known, str | None]] = field(default_factory=dict)


def plan(
    journal: Journal,
    scope: CleanScope,
    folder: Path,
    retention: Retention | None = None,
) -> CleanPlan:
    """Return what may go, changing nothing."""
    with translated("looking for executions"):
        is_local = Client().zen_store.is_local_store()
        # What is created from now on is not in the journal's list, and so not touched.
        entries = journal.entries()
        store = runs.store_id()
        known = _known(entries, all_runs=is_local)
    chosen = _sort(known, scope, folder, store)
    if retention is not None:
        _spare(chosen, retention)
    _keep_what_is_used(chosen, journal)
    with_runs = is_local and scope is not CleanScope.GLOBAL
    stores = local_files.artifact_stores() if with_runs else []
    items = tuple(
        CleanItem(
            exec_id=execution_id,
            flow_name=item.flow_name,
            status=status,
            size=local_files.size_of(execution_id, stores)
            + (item.entry.size if item.entry else 0),
        )
        for execution_id, (item, status) in _newest_first(chosen)
    )
    is_wide = scope is not CleanScope.PROJECT
    everywhere = local_files.artifact_stores() if is_wide else []
    drafts = local_files.old_drafts(everywhere)
    code = unused_code.find(journal, everywhere) if is_wide else []
    stray = _stray_logs(journal, known) if is_wide else []
    return CleanPlan(
        scope=scope,
        folder=str(folder) if scope is CleanScope.PROJECT else None,
        with_runs=with_runs,
        items=items,
        kept=tuple(
            KeptItem(exec_id=key, flow_name=item.flow_name, reason=reason)
            for key, (item, reason) in chosen.kept.items()
            if reason is not None
        ),
        stray_logs=len(stray),
        half_written=sum(1 for _ in drafts),
        unused_code=len(code),
        size=sum(item.size for item in items),
        retention=retention,
    )


def state(
    run: PipelineRunResponse | None, entry: Entry | None, store: str
) -> tuple[str, str | None]:
    """Return the status of an execution, and why it must stay, if it must."""
    if entry is not None and entry.is_run:
        return ExecutionStatus.RUNNING.value, RUNS
    if run is None:
        # Only a run that was in this very store can be said to be gone.
        is_ours = entry is not None and entry.facts.store == store
        return REMOVED, None if is_ours else _ELSEWHERE
    if run.project_id != Client().active_project.id:
        return run.status.value, _OTHER_PROJECT
    status = statuses.status_of(run)
    if status is ExecutionStatus.WAITING:
        return status.value, WAITS
    if status is ExecutionStatus.RUNNING:
        # With the lease of a dead process it has failed; nobody has looked yet.
        if entry is None or entry.lease is None:
            return ExecutionStatus.FAILED.value, RUNS
        return ExecutionStatus.FAILED.value, UNSEEN if entry.answered else None
    return status.value, None


def sources_of(item: Known, journal: Journal) -> set[str]:
    """Return the executions whose results another one uses."""
    found: set[str] = set()
    if item.run is not None and item.run.original_run is not None:
        found.add(str(item.run.original_run.id))
    for body in journal.mentions(item.execution_id, f"/{local_files.FOLDER}/"):
        found |= set(_OWNER.findall(body))
    return found - {item.execution_id}


def find_run(execution_id: str) -> PipelineRunResponse | None:
    """Return the run of an execution of any project, `None` if there is none."""
    with translated(f"looking for execution {execution_id}"):
        try:
            return runs.reread(lambda: Client().zen_store.get_run(UUID(execution_id)))
        except KeyError:
            return None


def _known(entries: Iterable[Entry], *, all_runs: bool) -> list[Known]:
    """Put together what the journal and ZenML know.

    On a server the runs of others are none of our business.
    """
    listed = {str(run.id): run for run in runs.ours()} if all_runs else {}
    found = []
    for entry in entries:
        run = listed.pop(entry.execution_id, None) or find_run(entry.execution_id)
        found.append(Known(entry.execution_id, entry, run))
    # What the journal does not know any more, after it was lost say.
    found += [Known(key, None, run) for key, run in listed.items()]
    return found


def _sort(
    known: Iterable[Known], scope: CleanScope, folder: Path, store: str
) -> _Sorted:
    chosen = _Sorted()
    for item in known:
        if not _is_in_scope(item, scope, folder):
            chosen.kept[item.execution_id] = (item, None)
            continue
        status, reason = state(item.run, item.entry, store)
        if reason is None:
            chosen.going[item.execution_id] = (item, status)
        else:
            chosen.kept[item.execution_id] = (item, reason)
    return chosen


def _spare(chosen: _Sorted, rule: Retention) -> None:
    """Keep what has ended and stays by a rule; what it uses stays with it."""
    began = {
        execution_id: None if item.run is None else _utc(item.run.created)
        for execution_id, (item, _) in chosen.going.items()
    }
    for execution_id, why in retentions.spared(began, rule, due.now()).items():
        item, _ = chosen.going.pop(execution_id)
        chosen.kept[execution_id] = (item, why)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _newest_first(chosen: _Sorted) -> list[tuple[str, tuple[Known, str]]]:
    """Return what goes; an execution goes before those whose results it uses."""
    with_run = [pair for pair in chosen.going.items() if pair[1][0].run is not None]
    without = [pair for pair in chosen.going.items() if pair[1][0].run is None]
    return [*sorted(with_run, key=_created, reverse=True), *without]


def _created(pair: tuple[str, tuple[Known, str]]) -> datetime:
    run = pair[1][0].run
    assert run is not None  # those without are sorted apart
    return run.created


def _is_in_scope(item: Known, scope: CleanScope, folder: Path) -> bool:
    if scope is CleanScope.ALL:
        return True
    if item.entry is None:
        return False
    if scope is CleanScope.GLOBAL:
        return True
    # That of a deployed one is below Kitaru's own folder, whoever deployed it.
    place = item.entry.facts.project or item.entry.facts.cwd
    return place is not None and Path(place).is_relative_to(folder)


def _keep_what_is_used(chosen: _Sorted, journal: Journal) -> None:
    """Keep the sources of everything that stays, and theirs."""
    left = [item for item, _ in chosen.kept.values()]
    while left:
        for source in sources_of(left.pop(), journal):
            if source in chosen.going:
                item, _ = chosen.going.pop(source)
                chosen.kept[source] = (item, USED)
                left.append(item)


def _stray_logs(journal: Journal, known: Iterable[Known]) -> list[Path]:
    runs_left = [item.execution_id for item in known if item.run is not None]
    return list(local_files.stray_logs([*journal.ids(), *runs_left]))
