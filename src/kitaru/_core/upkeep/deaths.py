"""Whether an execution whose process died goes on by itself, and when.

Only deaths count: an exception of the user's own, a cancel or Ctrl-C is an end that
somebody chose. A death that came after new checkpoints had finished begins the count
again, so an execution that gets on may die any number of times.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kitaru._core.words.wording import listed, many
from kitaru.models import Recovery

ASK, AUTO = "ask", "auto"
# So many deaths without a newly finished checkpoint, or in one checkpoint, are enough.
MOST_BARREN, MOST_IN_CALL = 3, 2
# The first time it goes on at once; what dies again and again may need a moment.
_PAUSE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Death:
    """The process of an execution died, or could not be started.

    Attributes:
        at: When that was found, in UTC.
        running: Invocation ids of the calls whose bodies ran.
        finished: How many calls had an outcome.
        is_to_stop: Whether somebody had asked it to stop.
        problem: Why no process could be started; `None` if one died.
    """

    at: datetime
    running: Collection[str] = ()
    finished: int = 0
    is_to_stop: bool = False
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Deaths:
    """What is known of the deaths of an execution.

    Attributes:
        barren: How many there were since a checkpoint was last newly finished.
        finished: How many calls had an outcome at the last one.
        in_calls: How many there were in each call that has not finished since.
        goes_on_at: When it goes on by itself, in UTC; `None` if it does not.
        stopped: Why it does not go on by itself any more.
        times: How often it was to go on by itself.
    """

    barren: int = 0
    finished: int = 0
    in_calls: Mapping[str, int] = field(default_factory=dict)
    goes_on_at: datetime | None = None
    stopped: str | None = None
    times: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "barren": self.barren,
            "finished": self.finished,
            "in_calls": dict(self.in_calls),
            "goes_on_at": self.goes_on_at.timestamp() if self.goes_on_at else None,
            "stopped": self.stopped,
            "times": self.times,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Deaths:
        """Return what `to_dict` has written."""
        at = data["goes_on_at"]
        moment = None if at is None else datetime.fromtimestamp(at, UTC)
        return cls(**{**data, "goes_on_at": moment})

    def described(self, *, is_over: bool) -> Recovery:
        """Return that as users see it.

        Args:
            is_over: Whether it has gone on meanwhile.
        """
        return Recovery(
            times=self.times,
            deaths=self.barren,
            next_at=None if is_over else self.goes_on_at,
            stopped=None if is_over else self.stopped,
        )


def after(before: Deaths, death: Death) -> Deaths:
    """Return what is known after one more death."""
    if before.stopped is not None:
        # Whoever retried it by hand has removed the cause, as far as anybody knows.
        before = Deaths(times=before.times)
    gets_on = death.finished > before.finished
    barren = 1 if gets_on else before.barren + 1
    # A call that was met running may have finished since; then it runs no more.
    in_calls = {
        call: before.in_calls.get(call, 0) + 1 for call in sorted(death.running)
    }
    known = {**before.in_calls, **in_calls}
    counted = Deaths(barren, death.finished, known, times=before.times)
    stopped = _stopped(counted, death)
    if stopped is not None:
        return replace(counted, stopped=stopped)
    pause = timedelta() if barren == 1 else _PAUSE
    return replace(counted, goes_on_at=death.at + pause, times=before.times + 1)


def _stopped(counted: Deaths, death: Death) -> str | None:
    """Return why an execution does not go on by itself, if it does not."""
    if death.is_to_stop:
        return "somebody had asked it to stop"
    poison = [c for c in sorted(death.running) if counted.in_calls[c] >= MOST_IN_CALL]
    if poison:
        count = max(counted.in_calls[call] for call in poison)
        return f"{many(count, 'process', 'processes')} died in {listed(poison)}"
    if counted.barren < MOST_BARREN:
        return None
    if death.problem is not None:
        return f"it could not be started: {death.problem}"
    return f"{counted.barren} processes died without a newly finished checkpoint"
