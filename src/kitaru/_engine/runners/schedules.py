"""Flows that start at a moment: rows of the journal, and whoever lives starts them.

A time that has come is met by one execution: that has a key of the schedule and the time,
and the row moves on to the next time once it was started. Whoever dies between leaves a
row that is still due, and the next one finds the execution by its key.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kitaru._core.secrecy import masking
from kitaru._core.settings.labels import Labels
from kitaru._core.versions import choosing, input_schemas, names
from kitaru._core.versions.schedules import (
    ATTRIBUTE,
    Planned,
    ScheduleFacts,
    due_time,
)
from kitaru._core.words.wording import moment, short
from kitaru._engine.journal import due, sealing
from kitaru._engine.journal.due import Due
from kitaru._engine.journal.journal import Journal
from kitaru._engine.port.deployments import Invocation
from kitaru._engine.port.engine import Engine, KeyTakenError
from kitaru.errors import (
    KitaruBackendError,
    KitaruError,
    KitaruFeatureNotAvailableError,
    KitaruStateError,
)
from kitaru.models import ExecutionStatus, FailureOrigin

logger = logging.getLogger(__name__)

# The times of a schedule are counted by the row in `due`; without one it is paused.
_DUE_ID = "'schedule:' || s.project || ':' || s.name"
_ROWS = f"""
SELECT s.name, s.body, d.at,
  {sealing.intact("schedules", "s")} AND (d.due_id IS NULL OR {sealing.intact("due", "d")})
FROM schedules s LEFT JOIN due d ON d.due_id = {_DUE_ID}
WHERE s.project = ? ORDER BY s.name"""


@dataclass(frozen=True, slots=True)
class JournalSchedules:
    """The schedules of one project, in the journal of this machine.

    Attributes:
        journal: The journal.
        project: The id of the project.
    """

    journal: Journal
    project: str

    def now(self) -> datetime:
        return due.now()

    def find(self) -> list[Planned]:
        return list(self._read(lambda _: True))

    def due(self) -> list[Planned]:
        now = self.now()
        times = {
            one.due_id: one.at
            for one in due.until(self.journal, now, kind=due.SCHEDULE)
        }
        if not times:
            return []
        found = self._read(lambda name: self._due_id(name) in times)
        return sorted(
            found, key=lambda planned: times[self._due_id(planned.facts.name)]
        )

    def put(self, facts: ScheduleFacts, at: datetime | None) -> None:
        due_id = self._due_id(facts.name)
        with self.journal.transaction() as db:
            db.execute(
                "INSERT INTO schedules (project, name, body) VALUES (?,?,?) "
                "ON CONFLICT (project, name) DO UPDATE SET body = excluded.body",
                (self.project, facts.name, json.dumps(facts.to_dict())),
            )
            due.take(self.journal, due_id)
            if at is not None:
                due.put(self.journal, Due(due_id, due_id, due.SCHEDULE, at, {}))

    def move(self, seen: Planned, facts: ScheduleFacts, at: datetime | None) -> bool:
        with self.journal.transaction():
            if seen not in self._read(lambda name: name == seen.facts.name):
                return False
            self.put(facts, at)
        return True

    def delete(self, name: str) -> bool:
        with self.journal.transaction() as db:
            due.take(self.journal, self._due_id(name))
            done = db.execute(
                "DELETE FROM schedules WHERE project = ? AND name = ?",
                (self.project, name),
            )
            return done.rowcount > 0

    def _due_id(self, name: str) -> str:
        return f"schedule:{self.project}:{name}"

    def _read(self, is_meant: Callable[[str], bool]) -> Iterator[Planned]:
        for name, body, at, is_intact in self.journal.read(_ROWS, (self.project,)):
            if not is_meant(name):
                continue
            if not is_intact:
                raise KitaruBackendError(
                    f"schedule {name!r} is not in the journal as it was written; remove "
                    f"it with: kitaru flow schedules delete {name}, and deploy it again"
                )
            facts = ScheduleFacts.from_dict(json.loads(body))
            yield Planned(
                facts, None if at is None else datetime.fromtimestamp(at, UTC)
            )


def not_on_a_server() -> KitaruFeatureNotAvailableError:
    """Return the error for schedules where a server has the executions."""
    return KitaruFeatureNotAvailableError(
        "schedules are kept by the machine of a local store, and this one works with a "
        "server: there a job of cron or CI starts the flow, with kitaru invoke FLOW --key "
        "NAME-DATE, or with what kitaru flow deployments curl prints"
    )


def fire(engine: Engine) -> list[str]:
    """Start what is due, once for each schedule; return what was done, as lines.

    What cannot start is noted with its schedule, which goes on with its next time.

    Raises:
        KitaruBackendError: If a store refuses; whoever looks next tries again.
    """
    return [
        line for planned in engine.schedules.due() for line in _met(engine, planned)
    ]


def fire_quietly(engine: Engine) -> list[str]:
    """Do that; what cannot be done now is done by whoever looks next."""
    try:
        return fire(engine)
    except KitaruError as error:
        # On a server there are none; a journal that is locked must not end a command.
        logger.debug("no schedule was looked at: %s", error, exc_info=True)
        return []


def start(engine: Engine, facts: ScheduleFacts, *, key: str | None = None) -> str:
    """Start an execution of a schedule's flow, its default version; return its id.

    Args:
        engine: The engine.
        facts: The schedule.
        key: The key that the execution has alone.

    Raises:
        KitaruUsageError: If no version is the default one, or the inputs do not fit it.
        KeyTakenError: If there is an execution of the key.
    """
    deployments = engine.deployments
    known = deployments.find(facts.flow)
    if not choosing.living(known):
        others = choosing.living(deployments.find(None))
        raise choosing.no_flow(facts.flow, (other.flow for other in others))
    version = choosing.by_tag(facts.flow, known, names.DEFAULT, looked_again=True)
    inputs = input_schemas.checked(
        version.facts.schema, facts.inputs, what=version.label
    )
    labels = Labels(key=key, attributes={ATTRIBUTE: facts.name})
    return deployments.invoke(version, Invocation(inputs, labels=labels))[0]


def _met(engine: Engine, planned: Planned) -> Iterator[str]:
    """Meet a time of a schedule that has come, and let the schedule go on."""
    facts, schedules = planned.facts, engine.schedules
    now = schedules.now()
    at = due_time(planned, now)
    following = facts.next_after(now)
    if at is None:
        missed = replace(facts, last_at=planned.at, problem="nobody looked in time")
        if schedules.move(planned, missed, following):
            yield f"schedule {facts.name}: {moment(planned.at)} was missed"
        return
    exec_id, problem = facts.last_exec_id, None
    try:
        exec_id = _started(engine, facts, facts.key(at))
        told = f"started execution {short(exec_id)} of {facts.flow}"
    except KitaruBackendError:
        raise
    except KitaruError as error:
        problem = masking.text(str(error))
        told = f"not started: {problem}"
    after = replace(facts, last_at=at, last_exec_id=exec_id, problem=problem)
    if schedules.move(planned, after, following):
        yield f"schedule {facts.name}: {told}"


def _started(engine: Engine, facts: ScheduleFacts, key: str) -> str:
    """Return the one execution of a key, which is started if there is none."""
    try:
        return start(engine, facts, key=key)
    except KeyTakenError:
        found = engine.keyed(key)
    if found is None:
        raise KitaruStateError(f"the execution of {key!r} was removed a moment ago")
    execution = engine.get(found[0])
    failure = execution.failure
    # Whoever made it died before anything of it ran.
    if (
        execution.status is ExecutionStatus.FAILED
        and failure is not None
        and failure.origin is FailureOrigin.RUNTIME
        and not execution.checkpoints
    ):
        with suppress(KitaruStateError):
            engine.continue_execution(execution.exec_id, seen=execution.status)
    return execution.exec_id
