"""Control flow that must pass through user code.

These derive from `BaseException`, so a user's `except Exception` cannot swallow a
pause and let the execution end as completed.
"""

from __future__ import annotations

from collections.abc import Sequence


class FlowSignal(BaseException):
    """Base class: the flow body has to end now, for a reason that is no failure."""


class Suspended(FlowSignal):
    """A wait was not answered while the runner was alive.

    `waits` are the ids of those that the flow stands at: it goes on with any of them.
    """

    def __init__(self, *said: str, waits: Sequence[str] = ()) -> None:
        super().__init__(*said)
        self.waits = tuple(waits)

    def also_at(self, other: Suspended) -> None:
        """Stand at the waits of another one, too: calls beside one another each stop."""
        self.waits = (*self.waits, *other.waits)


class Cancelled(FlowSignal):
    """Somebody cancelled the execution or aborted its wait."""


class TakenOver(FlowSignal):
    """Another process has the execution now; this one must change nothing more."""


class Killed(FlowSignal):
    """The process is taken for dead; for tests of users, in memory."""


class RunAgain(FlowSignal):
    """The body is to run again from the top; for tests of users, in memory."""


class LoadingStopped(FlowSignal):
    """A module reached `.run()` while it was only being loaded."""
