"""Schedules of deployed flows: made, looked at, paused, run at once, and removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from kitaru._core.flows import inputs as rules
from kitaru._core.versions import cron, input_schemas
from kitaru._core.versions.schedules import (
    Planned,
    ScheduleFacts,
    checked_missed,
    checked_name,
)
from kitaru._core.words.similar import did_you_mean, shorten
from kitaru._engine.open import current_engine, engine_in_use
from kitaru._engine.runners import schedules
from kitaru._engine.settings import person
from kitaru.errors import KitaruStateError, KitaruUsageError
from kitaru.models import Execution, Schedule

UTC = "UTC"
ONCE = "once"


def plan(
    *,
    flow: str,
    every: str,
    timezone: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    name: str | None = None,
    missed: str | None = None,
    schema: Mapping[str, Any],
) -> Planned:
    """Return a schedule that can be put; nothing is changed.

    With the times of the one that it will replace it goes on where that was.

    Args:
        flow: The flow.
        every: When, as cron has it.
        timezone: On whose wall clock; UTC by default.
        inputs: Arguments of the flow by name, as JSON data.
        name: Its name; that of the flow by default.
        missed: `once` or `skip`; what becomes of times at which nobody looked.
        schema: JSON schema of these arguments.

    Raises:
        KitaruUsageError: For a time, zone, name or rule that cannot be, inputs that do
            not fit, and a name that a schedule of another flow has.
        KitaruFeatureNotAvailableError: On a server.
    """
    kept = current_engine().schedules
    given = rules.named(inputs, "inputs")
    facts = ScheduleFacts(
        name=checked_name(flow if name is None else name),
        flow=flow,
        every=cron.checked(every),
        timezone=str(cron.zone(UTC if timezone is None else timezone)),
        missed=checked_missed(ONCE if missed is None else missed),
        inputs=input_schemas.checked(schema, given, what=f"flow {flow!r}"),
        created_by=person.here(),
        created_at=kept.now(),
    )
    before = _known().get(facts.name)
    if before is None:
        return Planned(facts, facts.next_after(kept.now()))
    if before.facts.flow != flow:
        raise KitaruUsageError(
            f"schedule {facts.name!r} is one of flow {before.facts.flow!r}; give this one "
            "another name, or delete that one with: kitaru flow schedules delete "
            f"{facts.name}"
        )
    facts = replace(
        facts, last_at=before.facts.last_at, last_exec_id=before.facts.last_exec_id
    )
    times = (before.facts.every, before.facts.timezone)
    if before.at is not None and times == (facts.every, facts.timezone):
        # A time that has come and was not seen to is not forgotten.
        return Planned(facts, before.at)
    return Planned(facts, facts.next_after(kept.now()))


def put(planned: Planned) -> Schedule:
    """Make a schedule that was planned, or put it in place of an earlier one."""
    current_engine().schedules.put(planned.facts, planned.at)
    return planned.described()


def find(*, flow: str | None = None) -> list[Schedule]:
    """Return the schedules of the project, or those of a flow, by name."""
    return [
        planned.described()
        for planned in _known().values()
        if flow in (None, planned.facts.flow)
    ]


def pause(name: str) -> Schedule:
    """Let a schedule start nothing until it is resumed.

    Raises:
        KitaruUsageError: If there is none of that name.
    """
    planned = _one(name)
    return planned.described() if planned.at is None else _move(planned, None)


def resume(name: str) -> Schedule:
    """Let a paused schedule go on with its next time; none before that is made up for.

    Raises:
        KitaruUsageError: If there is none of that name.
    """
    planned = _one(name)
    if planned.at is not None:
        return planned.described()
    return _move(planned, planned.facts.next_after(current_engine().schedules.now()))


def run(name: str) -> Execution:
    """Start an execution of a schedule now, whatever its next time is.

    Raises:
        KitaruUsageError: If there is none of that name, no version of its flow is the
            default one, or its inputs do not fit that.
    """
    engine = current_engine()
    return engine.get(schedules.start(engine, _one(name).facts))


def delete(name: str) -> str:
    """Remove a schedule and return its name; what it has started goes on.

    Raises:
        KitaruUsageError: If there is none of that name.
    """
    # One that cannot be read any more can be removed all the same.
    if not current_engine().schedules.delete(name):
        raise _unknown(name, _known())
    return name


def fire() -> list[str]:
    """Start what is due, if this process has looked into a store; return what was done."""
    engine = engine_in_use()
    return [] if engine is None else schedules.fire_quietly(engine)


def _known() -> dict[str, Planned]:
    return {one.facts.name: one for one in current_engine().schedules.find()}


def _one(name: str) -> Planned:
    known = _known()
    if name not in known:
        raise _unknown(name, known)
    return known[name]


def _unknown(name: str, known: Mapping[str, Planned]) -> KitaruUsageError:
    hint = did_you_mean(name, known) or "; see them with: kitaru flow schedules list"
    return KitaruUsageError(f"there is no schedule {shorten(name)}{hint}")


def _move(planned: Planned, at: datetime | None) -> Schedule:
    if not current_engine().schedules.move(planned, planned.facts, at):
        raise KitaruStateError(
            f"schedule {planned.facts.name!r} was changed at the same moment; look at it "
            "again with: kitaru flow schedules list"
        )
    return replace(planned, at=at).described()
