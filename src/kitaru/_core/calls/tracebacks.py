"""Tracebacks as their reader wants them: the user's own frames, ours left out."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

_OURS = str(Path(__file__).parents[2])


def without_ours(error: BaseException, *, all_frames: bool = False) -> BaseException:
    """Return the exception with the frames of Kitaru taken out of its traceback.

    Its causes and what it was raised in the course of are treated alike. A traceback that
    has no other frames stays as it is.

    Args:
        error: The exception.
        all_frames: Leave it as it is, to look for a fault of Kitaru.
    """
    if all_frames:
        return error
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = _rest(one.__traceback__) or one.__traceback__
        todo += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            todo += one.exceptions
    return error


def text(error: BaseException, *, all_frames: bool = False) -> str:
    """Return what Python prints of an exception, without the frames of Kitaru."""
    told = traceback.TracebackException.from_exception(error)
    if not all_frames:
        _leave_out(told)
    return "".join(told.format())


def _rest(trace: TracebackType | None) -> TracebackType | None:
    frames: list[TracebackType] = []
    while trace is not None:
        if not _is_ours(trace.tb_frame.f_code.co_filename):
            frames.append(trace)
        trace = trace.tb_next
    rest: TracebackType | None = None
    for one in reversed(frames):
        rest = TracebackType(rest, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return rest


def _leave_out(told: traceback.TracebackException) -> None:
    frames = [frame for frame in told.stack if not _is_ours(frame.filename)]
    if frames:
        told.stack = traceback.StackSummary.from_list(frames)
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if other is not None:
            _leave_out(other)


def _is_ours(filename: str) -> bool:
    return filename.startswith(_OURS)
