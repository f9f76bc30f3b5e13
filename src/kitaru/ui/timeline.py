"""When what ran, as bars side by side, with the time in which nothing happened left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kitaru.models import AnsweredWait, AskedWait, CheckpointCall, Execution

Kind = Literal["completed", "failed", "cancelled", "running", "reused", "waited"]
# Nothing happened for longer than this part of what there is to see: left out.
_LONG = 0.08
_SHORTEST = 1.0
# How wide what was left out is drawn, in percent.
_GAP = 3.0
# A bar that cannot be seen tells nothing.
_THINNEST = 0.6


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time, in percent from the left."""

    x: float
    width: float
    kind: Kind
    told: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which nothing happened, in percent, and its length in seconds."""

    x: float
    width: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """The bars of each call and wait, by invocation id and wait id, and the gaps."""

    bars: dict[str, list[Bar]]
    gaps: list[Gap]
    seconds: float


Stretch = tuple[float, float]


def drawn(execution: Execution, now: datetime) -> Timeline:
    """Return when the calls and waits of an execution were."""
    spans: list[tuple[str, Kind, Stretch, str]] = []
    for call in execution.checkpoints:
        spans += _of_call(call, now)
    for wait in (*execution.waits, *execution.pending_waits):
        spans += _of_wait(wait, now)
    busy = [stretch for _, kind, stretch, _ in spans if kind != "waited"]
    waited = [stretch for _, kind, stretch, _ in spans if kind == "waited"]
    scale = _Scale(busy, waited)
    bars: dict[str, list[Bar]] = {}
    for key, kind, (begin, end), told in spans:
        x, to = scale.at(begin), scale.at(end)
        width = max(to - x, _THINNEST)
        bars.setdefault(key, []).append(Bar(min(x, 100 - width), width, kind, told))
    return Timeline(bars, scale.gaps, sum(end - begin for begin, end in _joined(busy)))


def _of_call(
    call: CheckpointCall, now: datetime
) -> Iterable[tuple[str, Kind, Stretch, str]]:
    if call.reused or call.overridden:
        # Its time is that of the execution that ran it.
        return
    for attempt in call.attempts:
        end = attempt.ended_at or attempt.started_at
        stretch = (attempt.started_at.timestamp(), end.timestamp())
        yield (
            call.invocation_id,
            attempt.status,
            stretch,
            f"attempt {attempt.number}: {attempt.status}",
        )
    if not call.attempts and call.started_at:
        end = call.ended_at or (now if call.status == "running" else call.started_at)
        stretch = (call.started_at.timestamp(), end.timestamp())
        yield call.invocation_id, call.status, stretch, call.status


def _of_wait(
    wait: AskedWait, now: datetime
) -> Iterable[tuple[str, Kind, Stretch, str]]:
    if wait.entered_waiting_at is None:
        return
    end = wait.answered_at if isinstance(wait, AnsweredWait) else now
    begin = wait.entered_waiting_at
    if end is not None and end >= begin:
        stretch = (begin.timestamp(), end.timestamp())
        yield wait.wait_id, "waited", stretch, f"waited for {wait.name}"


class _Scale:
    """Where a moment lies, once long stretches without work are left out."""

    def __init__(self, busy: Sequence[Stretch], waited: Sequence[Stretch]) -> None:
        work = _joined(busy)
        ends = [moment for stretch in (*work, *waited) for moment in stretch]
        self._begin = min(ends, default=0.0)
        self._end = max(ends, default=0.0)
        seen = sum(end - begin for begin, end in work)
        longest = max(seen * _LONG, _SHORTEST)
        edges = [self._begin, *(m for stretch in work for m in stretch), self._end]
        idle = zip(edges[::2], edges[1::2], strict=False)
        self._left_out = [pair for pair in idle if pair[1] - pair[0] > longest]
        left = sum(end - begin for begin, end in self._left_out)
        room = max(100 - _GAP * len(self._left_out), 20)
        self._gap = (100 - room) / len(self._left_out) if self._left_out else 0
        kept = self._end - self._begin - left
        self._per_second = room / kept if kept > 0 else 0
        self.gaps = [
            Gap(self.at(begin), self._gap, end - begin) for begin, end in self._left_out
        ]

    def at(self, moment: float) -> float:
        """Return the place of a moment, in percent."""
        place = (moment - self._begin) * self._per_second
        for begin, end in self._left_out:
            if moment <= begin:
                break
            inside = min(moment, end) - begin
            place += inside / (end - begin) * self._gap - inside * self._per_second
        return round(min(max(place, 0.0), 100.0), 3)


def _joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return stretches that do not touch, from left to right."""
    found: list[Stretch] = []
    for begin, end in sorted(stretches):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found
