"""Whether the code as it is now can go on with executions that are not over."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.flows import inputs as rules
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.settings.settings import Settings
from kitaru._core.waits.answered import Answer
from kitaru._engine import flow_loading
from kitaru._engine.memory.recorded import EndOfRecord, Known, RehearsalEngine
from kitaru._engine.open import current_engine, use_engine
from kitaru._engine.port.engine import ExecutionQuery, Launch
from kitaru._engine.settings import configuration
from kitaru._ops import executions, fleet
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.models import Execution, ExecutionStatus, FailureOrigin, Rehearsed

_LIVING = (ExecutionStatus.RUNNING, ExecutionStatus.WAITING, ExecutionStatus.FAILED)
_PAGE = 100


def check(paths: Sequence[Path] = ()) -> Iterator[Rehearsed]:
    """Run the flows of living executions against what they have done so far.

    Those of deployed versions run the code of their version and are left out.

    Args:
        paths: Only flows of these files, or of files below these folders; below the
            current folder if none is given.

    Yields:
        One record for each execution that runs, waits or has failed, oldest first.

    Raises:
        KitaruUsageError: If a path does not exist.
    """
    places = [path.resolve() for path in paths or (Path(),)]
    for place in places:
        if not place.exists():
            raise KitaruUsageError(f"there is no file or folder {place}")
    found: dict[str, Execution] = {}
    for status in _LIVING:
        for execution in fleet.every(ExecutionQuery(status=status, size=_PAGE)):
            found[execution.exec_id] = execution
    for execution in sorted(found.values(), key=fleet.begun):
        if _is_below(execution.exec_id, places):
            whole = executions.get(execution.exec_id)
            if whole.version is None:
                yield _rehearsed(whole)


def _is_below(execution_id: str, places: Sequence[Path]) -> bool:
    """Whether an execution's flow is of the files that are looked at."""
    try:
        source = current_engine().flow_source(execution_id)
    except KitaruError:
        return False  # Nobody knows where it comes from: it is no file of these.
    if not source.is_loadable:
        return False
    file = Path(source.file)
    return any(file == place or file.is_relative_to(place) for place in places)


def _rehearsed(execution: Execution) -> Rehearsed:
    problem: str | None
    try:
        problem = _problem(execution)
    except KitaruError as error:
        problem = str(error)
    return Rehearsed(
        exec_id=execution.exec_id,
        flow_name=execution.flow_name,
        status=execution.status.value,
        breaks=problem is not None,
        problem=problem,
    )


def _problem(execution: Execution) -> str | None:
    """Return what would keep an execution from going on, if something does.

    Raises:
        KitaruError: If its flow or what it was given cannot be loaded any more.
    """
    engine = current_engine()
    spec = flow_loading.find(engine.flow_source(execution.exec_id))
    recorded = engine.recorded(execution.exec_id)
    rules.refuse_outdated(spec, recorded.inputs)
    rehearsal = RehearsalEngine(_known(execution))
    launch = Launch(
        flow=spec,
        inputs=recorded.inputs,
        options=configuration.for_replay(
            recorded.settings, Settings(), source=execution.exec_id
        ),
    )
    return _outcome(execution, spec, rehearsal, launch)


def _outcome(
    execution: Execution, spec: FlowSpec, rehearsal: RehearsalEngine, launch: Launch
) -> str | None:
    with use_engine(rehearsal), contextlib.redirect_stdout(sys.stderr):
        new_id, _ = rehearsal.launch(launch)
        found = rehearsal.get(new_id)
    assert rehearsal.ending is not None  # it has run
    if isinstance(rehearsal.ending.error, EndOfRecord):
        return None
    failure, before = found.failure, execution.failure
    if failure is not None:
        is_as_before = before is not None and (
            before.exception_type == failure.exception_type
        )
        if is_as_before and failure.origin is not FailureOrigin.DIVERGENCE:
            return None
        message = failure.message.replace(new_id, execution.exec_id)
        return f"{failure.exception_type}: {message}"
    asked = {call.invocation_id for call in found.checkpoints}
    asked |= rehearsal.timeline.asked
    gone = [
        call.invocation_id
        for call in execution.checkpoints
        if call.status == "completed" and call.invocation_id not in asked
    ]
    if gone:
        return f"call {gone[0]!r}, which has a result, is not made any more"
    waits = {wait.name for wait in found.pending_waits}
    unasked = [
        wait.name
        for wait in execution.pending_waits
        if wait.kind == "question" and wait.name not in waits
    ]
    if unasked and found.status is ExecutionStatus.COMPLETED:
        return f"open wait {unasked[0]!r} is not asked any more"
    return None


def _known(execution: Execution) -> Known:
    """Return what an execution has done, with the bytes of its results."""
    records = current_engine().call_records(execution.exec_id)
    calls = tuple(_with_bytes(execution.exec_id, record) for record in records)
    answers = {
        wait.name: Answer(
            wait.answer,
            aborted=wait.outcome == "aborted",
            over="expired" if wait.outcome == "expired" else None,
        )
        for wait in execution.waits
        if wait.outcome != "refused"
    }
    return Known(calls, answers)


def _with_bytes(execution_id: str, record: CallRecord) -> CallRecord:
    # What was saved under a name has no part in how the flow goes on.
    bare = replace(record, artifacts=())
    output = record.output
    if output is None or output.payload is not None:
        return bare
    return replace(bare, output=_read(execution_id, record.invocation_id, output))


def _read(execution_id: str, invocation_id: str, output: StoredValue) -> StoredValue:
    found = current_engine().value(execution_id, invocation_id, trust=False)
    if found.value.content_hash != output.content_hash:
        raise KitaruUsageError(
            f"the result of {invocation_id!r} cannot be read: something that was saved "
            "under its name hides it"
        )
    return replace(output, payload=found.data, uri=None)
