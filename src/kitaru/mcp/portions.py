"""Cut what is too long for a conversation, and say so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from kitaru._core.words import paging
from kitaru.mcp.records import ExecutionResult, Listing
from kitaru.mcp.wording import next_step
from kitaru.models import Comparison, Execution, FailureInfo, LogEntry, Page, Record

CHECKPOINTS = 50
_TEXT = 4_000
_LISTED_TEXT = 500
_BRIEF_TEXT = 80
_LOG_LINE = 2_000
_EQUAL = ("same", "reused")
_WHOLE = 200_000
_CUT = "long texts were cut; kitaru_artifacts_get gives values in portions"
_NO_METADATA = "metadata, inputs and result were left out because they are too long"

R = TypeVar("R", bound=Record)
T = TypeVar("T")


def execution_result(
    execution: Execution,
    *,
    page: int = 1,
    size: int = CHECKPOINTS,
    notes: Sequence[str] = (),
    is_brief: bool = False,
) -> ExecutionResult:
    """Return an execution with one page of its calls and their artifacts.

    Brief: without artifacts, metadata, attempts and tracebacks.
    """
    calls = paging.cut(execution.checkpoints, page=page, size=size, limit=None)
    step = next_step(execution)
    said = [*notes, step]
    if calls.total > len(calls.items):
        shown = {call.call_id for call in calls.items} | {None}
        execution = execution.model_copy(
            update={
                "checkpoints": calls.items,
                "artifacts": tuple(
                    ref for ref in execution.artifacts if ref.producing_call in shown
                ),
            }
        )
        said.append(f"{len(calls.items)} of {calls.total} checkpoint calls are shown")
    if is_brief:
        execution = _brief(execution)
    short = _shortened(execution, _TEXT)
    if short != execution:
        said.append(_CUT)
    if len(short.model_dump_json()) > _WHOLE:
        short = _without_metadata(short)
        said.append(_NO_METADATA)
    return ExecutionResult(
        execution=short,
        checkpoints_total=calls.total,
        next_checkpoints_page=_next_page(calls),
        notes=tuple(said),
    )


def _brief(execution: Execution) -> Execution:
    less: dict[str, Any] = {"metadata": {}, "artifacts": ()}
    calls = (
        call.model_copy(
            update={**less, "attempts": (), "failure": _without_traceback(call.failure)}
        )
        for call in execution.checkpoints
    )
    failure = _without_traceback(execution.failure)
    return execution.model_copy(
        update={**less, "checkpoints": tuple(calls), "failure": failure}
    )


def _without_traceback(failure: FailureInfo | None) -> FailureInfo | None:
    return failure and failure.model_copy(update={"traceback": None})


def executions(found: Page[Execution]) -> Listing[Execution]:
    """Return a page of executions without overlong texts."""
    short = tuple(_shortened(execution, _LISTED_TEXT) for execution in found.items)
    return listing(found.model_copy(update={"items": short}))


def comparison(found: Comparison) -> Comparison:
    """Return a comparison without overlong texts; if need be, of what differs alone."""
    short = _shortened(found, _TEXT)
    for limit in (_LISTED_TEXT, _BRIEF_TEXT):
        if len(short.model_dump_json()) <= _WHOLE:
            return short
        differing = tuple(c for c in found.calls if c.outcome not in _EQUAL)
        less = found.model_copy(update={"calls": differing})
        short = _shortened(less, limit)
    return short


def listing(found: Page[T]) -> Listing[T]:
    """Return a page, and the number of the next one."""
    return Listing(
        items=found.items,
        total=found.total,
        page=found.page,
        size=found.size,
        next_page=_next_page(found),
    )


def log_entry(entry: LogEntry) -> LogEntry:
    """Return an entry with a message of bearable length."""
    return entry.model_copy(update={"message": _cut(entry.message, _LOG_LINE)})


def _next_page(found: Page[Any]) -> int | None:
    """Return the number of the page after this one, `None` after the last."""
    return found.page + 1 if found.page < math.ceil(found.total / found.size) else None


def _shortened(record: R, limit: int) -> R:
    short = _walk(record.model_dump(by_alias=True), limit)
    return type(record).model_validate(short)


def _walk(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return _cut(value, limit)
    if isinstance(value, dict):
        return {key: _walk(item, limit) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_walk(item, limit) for item in value)
    return value


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    # What went wrong stands at the end of a traceback.
    half = limit // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]} […{left_out} characters left out…] {text[-half:]}"


def _without_metadata(execution: Execution) -> Execution:
    bare: dict[str, Any] = {"metadata": {}}
    return execution.model_copy(
        update={
            **bare,
            "inputs": None,
            "result": None,
            "artifacts": tuple(a.model_copy(update=bare) for a in execution.artifacts),
            "checkpoints": tuple(
                call.model_copy(
                    update={
                        **bare,
                        "artifacts": tuple(
                            a.model_copy(update=bare) for a in call.artifacts
                        ),
                    }
                )
                for call in execution.checkpoints
            ),
        }
    )
