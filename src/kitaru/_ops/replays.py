"""Run an execution again from a chosen checkpoint, with changed values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kitaru._core.calls import breakpoints, replay, selectors
from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.flows import inputs as rules
from kitaru._core.flows.specs import CheckpointSpec, FlowSpec
from kitaru._core.settings import labels, options, settings
from kitaru._core.settings.labels import Labels
from kitaru._core.settings.settings import Settings
from kitaru._core.values import codec, fingerprints
from kitaru._core.words.wording import short
from kitaru._engine import flow_loading
from kitaru._engine.open import current_engine
from kitaru._engine.port.engine import Launch, Recorded
from kitaru._engine.settings import configuration
from kitaru._engine.values import value_files
from kitaru._ops.executions import resolve
from kitaru.errors import KitaruStateError, KitaruUsageError
from kitaru.models import Continuation, ExecutionStatus


@dataclass(frozen=True, slots=True)
class Prepared:
    """A replay that may start: everything was checked, nothing has happened."""

    launch: Launch
    notes: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Started:
    """An execution that was started in another process; of a replay, what to do then."""

    exec_id: str
    continuation: Continuation
    notes: tuple[str, ...]
    how_to_compare: str = ""


def prepare(
    execution_id: str,
    *,
    from_: str,
    overrides: Mapping[str, Any] | None = None,
    reuse_waits: bool = False,
    inputs: Mapping[str, Any] | None = None,
    flow: FlowSpec | None = None,
    given: Settings | None = None,
    found_by: Labels | None = None,
    fresh: bool = False,
    break_before: Sequence[str] = (),
    step: bool = False,
) -> Prepared:
    """Plan a replay.

    Args:
        execution_id: The source, by id or unique prefix; it may not be running.
        from_: Checkpoint name, invocation id or call id of the first call to run again.
        overrides: `checkpoint.<selector>` to the value that replaces its result.
        reuse_waits: Take over answers given before that call.
        inputs: Arguments of the flow to change, by name.
        flow: The flow, if the caller has it; else it is loaded from its source.
        given: Settings of the new execution that differ from those of the source.
        found_by: Tags and attributes of the new execution beside those of the source.
        fresh: Load the flow as its file is now, whatever this process loaded before.
        break_before: Checkpoints and calls before which it is to stop.
        step: Stop before every call that runs.

    Raises:
        KitaruStateError: If the source is running.
        KitaruUsageError: For unknown selectors, override keys or inputs, and values
            that do not fit the annotations.
        KitaruRuntimeError: If the flow cannot be loaded.
    """
    wanted = {"exec_id": execution_id, "from_": from_, "reuse_waits": reuse_waits}
    options.check(wanted, options.REPLAY, "replay")
    every = (breakpoints.EVERY,) if step else ()
    stops = breakpoints.checked([*break_before, *every], "break_before")
    found_by = found_by or Labels()
    if found_by.key is not None:
        raise KitaruUsageError(
            f"a replay takes no key, got {found_by.key!r}: each one is a new execution"
        )
    engine = current_engine()
    full_id = resolve(execution_id)
    if engine.get(full_id).status is ExecutionStatus.RUNNING:
        raise KitaruStateError(
            f"execution {full_id} is running; replay it when it has ended or waits, or "
            f"cancel it: kitaru executions cancel {full_id}"
        )
    spec = flow or flow_loading.find(engine.flow_source(full_id), fresh=fresh)
    recorded = engine.recorded(full_id)
    # A clear word about waits comes before what is said of an unknown checkpoint.
    in_order = sorted(recorded.calls, key=lambda record: record.order)
    selectors.find(in_order, from_, waits=engine.wait_names(full_id))
    changed = _changed_inputs(spec, recorded, rules.named(inputs, "inputs"))
    rules.refuse_outdated(spec, {**recorded.inputs, **changed})
    plan = replay.plan(
        recorded.calls,
        source=full_id,
        anchor=from_,
        overrides={
            key: _override(spec, recorded, key, value)
            for key, value in rules.named(overrides, "overrides").items()
        },
        inputs_changed=bool(changed),
        reuse_waits=reuse_waits,
    )
    launch = Launch(
        flow=spec,
        inputs={**recorded.inputs, **changed},
        options=configuration.for_replay(
            recorded.settings, given or Settings(), source=full_id
        ),
        replay=plan,
        # A flow that the caller has need not be the one that was deployed.
        deployed=recorded.deployed if flow is None else None,
        break_before=stops,
        labels=labels.merge(dataclasses.replace(recorded.labels, key=None), found_by),
    )
    notes = (*_changed_code(spec, recorded), _reminder(plan, recorded))
    return Prepared(launch, notes, full_id)


def start_elsewhere(
    execution_id: str, *, budget: Mapping[str, Any] | None = None, **wanted: Any
) -> Started:
    """Start a replay in a process of its own; see `prepare` for arguments and errors.

    `budget` is its own, in place of that of its source.
    """
    given = settings.check({"budget": budget}, configuration.CALL)
    # The other process will read the files as they are now; plan with the same.
    prepared = prepare(execution_id, fresh=True, given=given, **wanted)
    new_id, continuation = current_engine().launch_elsewhere(prepared.launch)
    hint = how_to_compare(new_id, prepared.source)
    return Started(new_id, continuation, prepared.notes, hint)


def how_to_compare(exec_id: str, source: str) -> str:
    """Return the command that shows where a replay and its source part."""
    command = f"kitaru executions compare {short(source)} {short(exec_id)}"
    return f"compare it with its source: {command}"


def announce(started: Started) -> None:
    """Tell on stderr what a replay does not freeze, and how it is compared."""
    current_engine().tell([*started.notes, started.how_to_compare])


def _changed_inputs(
    spec: FlowSpec, recorded: Recorded, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the inputs that differ from the recorded ones, as their types ask for."""
    return {
        name: value
        for name, value in rules.changed(spec, given).items()
        if name not in recorded.inputs or _differ(recorded.inputs[name], value)
    }


def _differ(before: object, now: object) -> bool:
    one, other = fingerprints.of_value(before), fingerprints.of_value(now)
    return one is None or one != other


def _override(
    spec: FlowSpec, recorded: Recorded, key: str, value: object
) -> StoredValue:
    """Return the stored form of an override, checked against the return annotation."""
    if key.startswith(replay.OVERRIDE_PREFIX):
        selector = key.removeprefix(replay.OVERRIDE_PREFIX)
        ordered = sorted(recorded.calls, key=lambda record: record.order)
        record = selectors.find(ordered, selector)
        declared = _declared(spec, record)
        if declared is not None:
            value = rules.override(declared, value, key=key)
    encoded = codec.encode(value, what=f"override {key!r}")
    return value_files.inline(encoded)


def _changed_code(spec: FlowSpec, recorded: Recorded) -> tuple[str, ...]:
    """Say which checkpoints have other code now than when they were recorded."""
    names = dict.fromkeys(
        record.name for record in recorded.calls if _has_changed(spec, record)
    )
    if not names:
        return ()
    return (f"code changed since then: {', '.join(names)}",)


def _has_changed(spec: FlowSpec, record: CallRecord) -> bool:
    declared = _declared(spec, record)
    if declared is None or not record.code_hash:
        return False
    return declared.code_hash != record.code_hash


def _declared(spec: FlowSpec, record: CallRecord) -> CheckpointSpec | None:
    """Return the checkpoint of a call; `None` for work that the call brought along."""
    if record.code_hash is None:
        return None
    return flow_loading.find_checkpoint(record.name, spec.source)


def _reminder(plan: replay.ReplayPlan, recorded: Recorded) -> str:
    return (
        f"replay of {short(recorded.execution_id)} from {plan.anchor!r}, call "
        f"{len(plan.reuse) + 1} of {len(recorded.calls)}; data outside Kitaru is as it is "
        "now"
    )
