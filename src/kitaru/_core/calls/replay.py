"""Decide, call by call, what runs and what is reused.

Two situations, one question: *what happens when the flow asks for this call?*

| situation | call | happens |
|---|---|---|
| rerun (retry, resume) | completed before | its result is returned |
| | completed before, called with other arguments | the attempt ends: its result may belong to another call … |
| | the same, but the call has an id of its own, the flow's source changed, or an argument is new each time by nature (a time, a UUID) | its result is returned, and says so |
| | failed, and the flow went on | its exception is raised again |
| | failed, and that ended the attempt | it runs |
| | given up before it had an outcome | it runs |
| | never asked for | it runs |
| replay | overridden | the override is returned |
| | before the anchor | its recorded outcome is used again … |
| | before the anchor, inputs changed behind an override or changed flow input | it runs, and says so |
| | the anchor, or after it | it runs; the anchor even if its result is cached |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kitaru._core.calls import selectors
from kitaru._core.calls.names import call_id
from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.values import fingerprints
from kitaru._core.words.similar import did_you_mean
from kitaru.errors import KitaruDivergenceError, KitaruUsageError
from kitaru.models import Usage

OVERRIDE_PREFIX = "checkpoint."


class Action(StrEnum):
    """What happens to a call."""

    RUN = "run"
    REUSE = "reuse"
    RAISE = "raise"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one call; `record` is what is reused, `note` goes to the user.

    `afresh` forbids a cached result as well. `changed` says that a recorded result is
    used for other arguments than before.
    """

    action: Action
    record: CallRecord | None = None
    value: StoredValue | None = None
    note: str | None = None
    afresh: bool = False
    changed: bool = False


RUN = Decision(Action.RUN)


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What a replay takes over from its source.

    Attributes:
        source: The source execution.
        anchor: Invocation id of the first call that runs again.
        reuse: Invocation ids before the anchor.
        overrides: Replaced outputs by invocation id.
        guarded: Whether fingerprints decide, because something was changed.
        reuse_waits: Whether answers given before the anchor are taken over.
    """

    source: str
    anchor: str
    reuse: frozenset[str] = frozenset()
    overrides: Mapping[str, StoredValue] = field(default_factory=dict)
    guarded: bool = False
    reuse_waits: bool = False


def plan(
    records: Sequence[CallRecord],
    *,
    source: str,
    anchor: str,
    overrides: Mapping[str, StoredValue] | None = None,
    inputs_changed: bool = False,
    reuse_waits: bool = False,
) -> ReplayPlan:
    """Plan a replay of the execution that left `records`.

    Args:
        records: All calls of the source, in any order.
        source: Its execution id.
        anchor: Selector of the first call to run again.
        overrides: `checkpoint.<selector>` to the value that replaces its output.
        inputs_changed: Whether the replay changes an input of the flow.
        reuse_waits: Whether to take over answers given before the anchor.

    Raises:
        KitaruUsageError: For unknown or ambiguous selectors and other override keys.
    """
    ordered = sorted(records, key=lambda record: record.order)
    start = selectors.find(ordered, anchor)
    replaced = {
        selectors.find(ordered, _override_selector(key, ordered)).invocation_id: value
        for key, value in (overrides or {}).items()
    }
    before = frozenset(
        record.invocation_id for record in ordered if record.order < start.order
    )
    return ReplayPlan(
        source=source,
        anchor=start.invocation_id,
        reuse=before,
        overrides=replaced,
        guarded=bool(replaced) or inputs_changed,
        reuse_waits=reuse_waits,
    )


def _override_selector(key: str, records: Sequence[CallRecord]) -> str:
    if key.startswith(OVERRIDE_PREFIX):
        return key.removeprefix(OVERRIDE_PREFIX)
    if key.startswith("wait."):
        raise KitaruUsageError(
            f"override {key!r}: waits cannot be overridden; answer the wait with input "
            "when the replay reaches it"
        )
    names = [OVERRIDE_PREFIX + record.invocation_id for record in records]
    raise KitaruUsageError(
        f"override {key!r} is not valid: keys look like 'checkpoint.<name>'"
        + did_you_mean(OVERRIDE_PREFIX + key, names)
    )


class Timeline:
    """What is known when an execution starts, and what that means for each call.

    Args:
        own: Calls this execution made in earlier attempts.
        replay: The plan, if this execution is a replay.
        source: Calls of the plan's source execution.
    """

    def __init__(
        self,
        own: Sequence[CallRecord] = (),
        replay: ReplayPlan | None = None,
        source: Sequence[CallRecord] = (),
    ) -> None:
        self._own = {record.invocation_id: record for record in own}
        self._replay = replay
        self._source = {record.invocation_id: record for record in source}
        self._path = _path(own)

    def expected_at(self, position: int) -> CallRecord | None:
        """Return the call an earlier attempt made at `position` of the flow's path."""
        return self._path.get(position)

    def called_with(self, name: str, fingerprint: str | None) -> str | None:
        """Return the call of a checkpoint that had these arguments in earlier attempts."""
        for record in self._own.values():
            if record.name == name and record.fingerprint == fingerprint:
                return record.invocation_id
        return None

    def spent(self, invocation_id: str) -> Usage | None:
        """Return what earlier attempts of this execution spent on the call."""
        own = self._own.get(invocation_id)
        return own.usage if own is not None else None

    def all_spent(self) -> dict[str, Usage]:
        """Return what earlier attempts of this execution spent, by call."""
        return {
            call: record.usage
            for call, record in self._own.items()
            if record.usage is not None and not record.reused
        }

    def is_reused(self, invocation_id: str) -> bool:
        """Whether a call takes over a result, as far as that can be said beforehand."""
        return self._decide(invocation_id, None).action is not Action.RUN

    def decide(self, invocation_id: str, fingerprint: str | None) -> Decision:
        """Return what happens to the call."""
        decision = self._decide(invocation_id, fingerprint)
        is_anchor = self._replay is not None and self._replay.anchor == invocation_id
        return replace(decision, afresh=True) if is_anchor else decision

    def is_misplaced(
        self,
        decision: Decision,
        *,
        has_own_id: bool,
        source_changed: bool,
        is_described: bool,
        is_fleeting: bool,
    ) -> bool:
        """Whether a recorded result may belong to another call than the one that asks.

        Calls without an id of their own are told apart by their order. If they come in
        another order than before, each would get the result of another one's arguments.

        Args:
            decision: What would happen to the call.
            has_own_id: Whether the user or an adapter gave the call its id.
            source_changed: Whether the flow's source changed since it was recorded.
            is_described: Whether the arguments only describe work of another kind, as
                things are now.
            is_fleeting: Whether an argument is another one in each run by nature.
        """
        # What a replay took over it took over whatever the arguments were.
        taken_over = decision.record is not None and decision.record.reused
        excused = has_own_id or source_changed or is_described or is_fleeting
        return decision.changed and not (excused or taken_over)

    def misplaced(
        self,
        execution_id: str,
        invocation_id: str,
        name: str,
        given: Sequence[str],
        then: str | None,
    ) -> BaseException:
        """Return what ends the attempt at a call that would get another one's result.

        Args:
            execution_id: The execution.
            invocation_id: The call.
            name: Its checkpoint.
            given: Its arguments, as they are shown.
            then: The call that had just these before.
        """
        whose = f", which were those of {then!r} then" if then else ""
        return KitaruDivergenceError(
            f"execution {execution_id}: call {invocation_id!r} is made with other arguments "
            f"than before: ({', '.join(given)}){whose}. Its result belongs to the arguments of "
            "then. Make the same calls in the same order each time (a set, for one, has "
            f"another order in each process), or give each call an id: {name}.with_options("
            "id=...). After a change of the flow's source a retry warns and goes on",
            exec_id=execution_id,
            status="failed",
            failure_origin="divergence",
        )

    def _decide(self, invocation_id: str, fingerprint: str | None) -> Decision:
        own = self._own.get(invocation_id)
        if own is not None:
            return _rerun(own, fingerprint)
        if self._replay is not None:
            return self._replayed(self._replay, invocation_id, fingerprint)
        return RUN

    def _replayed(
        self, replay: ReplayPlan, invocation_id: str, fingerprint: str | None
    ) -> Decision:
        source = self._source.get(invocation_id)
        if invocation_id in replay.overrides:
            value = replay.overrides[invocation_id]
            return Decision(Action.OVERRIDE, record=source, value=value)
        if invocation_id not in replay.reuse or source is None:
            return RUN
        if replay.guarded and fingerprints.differ(source.fingerprint, fingerprint):
            return Decision(Action.RUN, note="its inputs changed, so it runs again")
        return _outcome(source)


def _path(own: Sequence[CallRecord]) -> dict[int, CallRecord]:
    """Return the calls by their positions, up to the first that runs again.

    What that one does this time decides what comes after it.
    """
    placed = [
        (record.position, record) for record in own if record.position is not None
    ]
    again = [
        position
        for position, record in placed
        if record.status != "completed" and not record.caught
    ]
    last = min(again, default=None)
    return {
        position: record
        for position, record in placed
        if last is None or position <= last
    }


def _rerun(record: CallRecord, fingerprint: str | None) -> Decision:
    decision = _outcome(record)
    changed = fingerprints.differ(record.fingerprint, fingerprint)
    if decision.action is Action.REUSE and changed:
        note = "called with other inputs than before"
        return Decision(Action.REUSE, record, note=note, changed=True)
    return decision


def _outcome(record: CallRecord) -> Decision:
    if record.status == "completed":
        return Decision(Action.REUSE, record)
    if record.caught and record.failure is not None and record.failure.pickled:
        return Decision(Action.RAISE, record)
    if record.caught:
        note = "its recorded exception cannot be rebuilt, so it runs again"
        return Decision(Action.RUN, note=note)
    return RUN


def original_of(record: CallRecord) -> str:
    """Return the call id a reused result comes from, following earlier reuse."""
    return record.original or call_id(record.execution_id, record.invocation_id)
