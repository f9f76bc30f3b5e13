"""Write an execution down for tests, and read it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kitaru._core.calls.records import CallRecord
from kitaru._core.secrecy import masking
from kitaru._core.settings import budgets
from kitaru._core.words.similar import shorten
from kitaru._core.words.wording import size
from kitaru._engine.disk import durable_files
from kitaru._engine.open import current_engine
from kitaru._ops import executions
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.models import (
    Execution,
    FailureInfo,
    RecordedCall,
    RecordedFailure,
    RecordedWait,
    Recording,
)
from kitaru.models.executions import AskedWait

FORMAT = 1
# Bytes of a result; larger ones are left out.
MAX_RESULT = 200_000
# Waits that no flow asks by itself.
_ASKED_BY_KITARU = (budgets.WAIT,)
_READABLE = ("json", "tagged", "text")


def export(execution_id: str, *, max_result: int = MAX_RESULT) -> Recording:
    """Return an execution as it can be written to a file.

    Args:
        execution_id: Execution id or unique prefix.
        max_result: Results of more bytes are left out.
    """
    found = executions.get(execution_id)
    records = current_engine().call_records(found.exec_id)
    return Recording(
        format=FORMAT,
        exec_id=found.exec_id,
        flow_name=found.flow_name,
        status=found.status.value,
        inputs=found.inputs,
        calls=tuple(
            _call(found, record, max_result)
            for record in sorted(records, key=lambda record: record.order)
        ),
        waits=tuple(_waits(found)),
        result=found.result,
        failure=_failure(found.failure),
    )


def as_text(recording: Recording) -> str:
    """Return a recording as the text of a file."""
    return json.dumps(recording.model_dump(mode="json"), indent=2, ensure_ascii=False)


def write(recording: Recording, path: Path) -> None:
    """Write a recording to a file, whole or not at all.

    Raises:
        KitaruUsageError: If the file cannot be written.
    """
    text = as_text(recording)
    try:
        durable_files.write(path, f"{text}\n".encode(errors="replace"))
    except OSError as error:
        raise KitaruUsageError(f"{path} cannot be written: {error}") from error


def read(path: Path) -> Recording:
    """Return the recording of a file.

    Raises:
        KitaruUsageError: If it is none, or a newer version of Kitaru wrote it.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KitaruUsageError(f"recording {path} cannot be read: {error}") from None
    number = data.get("format") if isinstance(data, dict) else None
    if isinstance(number, int) and number > FORMAT:
        raise KitaruUsageError(
            f"recording {path} was written by a newer Kitaru (format {number}, this one "
            f"reads up to {FORMAT}); upgrade Kitaru here"
        )
    try:
        return Recording.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or shorten(data)
        raise KitaruUsageError(
            f"{path} is no recording ({where}: {first['msg']}); make one with: kitaru "
            "executions export EXEC -o FILE"
        ) from None


def _call(execution: Execution, record: CallRecord, most: int) -> RecordedCall:
    described = {call.invocation_id: call for call in execution.checkpoints}
    shown = described.get(record.invocation_id)
    return RecordedCall(
        invocation_id=record.invocation_id,
        name=record.name,
        status=record.status,
        position=record.position,
        fingerprint=record.fingerprint,
        failure=_failure(shown.failure if shown else None),
        **_result(execution, record, most),
    )


def _result(execution: Execution, record: CallRecord, most: int) -> dict[str, Any]:
    output = record.output
    if output is None:
        return {}
    if output.serializer not in _READABLE:
        return {"omitted": f"{output.serializer} is no text: {output.type_name}"}
    if output.size > most:
        return {"omitted": f"it has {size(output.size)}, more than {size(most)}"}
    try:
        found = current_engine().value(
            execution.exec_id, record.invocation_id, trust=False
        )
    except KitaruError as error:
        return {"omitted": str(error)}
    if found.value.content_hash != output.content_hash:
        return {"omitted": "something that was saved under its name hides it"}
    text = found.data.decode(errors="replace")
    if output.serializer == "text":
        return {"serializer": "text", "result": masking.text(text)}
    return {"serializer": output.serializer, "result": masking.data(json.loads(text))}


def _waits(execution: Execution) -> Iterator[RecordedWait]:
    for wait in execution.waits:
        if wait.outcome != "refused":
            yield _wait(wait, wait.answer, wait.outcome)
    for asked in execution.pending_waits:
        yield _wait(asked, None, "open")


def _wait(wait: AskedWait, answer: Any, outcome: str) -> RecordedWait:
    return RecordedWait(
        name=wait.name,
        question=wait.question,
        answer=answer,
        outcome=outcome,
        stops=wait.kind == "breakpoint" or wait.name in _ASKED_BY_KITARU,
    )


def _failure(failure: FailureInfo | None) -> RecordedFailure | None:
    if failure is None:
        return None
    return RecordedFailure(
        exception_type=failure.exception_type,
        message=failure.message,
        origin=failure.origin,
    )
