"""Finding what nobody goes on with, over all executions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from kitaru.models import Reconciled, Recovery


class Reconciling(Protocol):
    """Continues or fails executions that do not get on by themselves."""

    def reconcile(
        self, *, dry_run: bool, progress: Callable[[int, int], None] | None
    ) -> Iterator[Reconciled]:
        """Look at every unfinished execution once; yield those that needed something.

        Safe to run twice, at once, on several machines, and to be killed.

        Args:
            dry_run: Only say what would be done.
            progress: Told how many of how many were looked at.
        """
        ...


class Recoveries(Protocol):
    """What became of executions whose process died."""

    def of(self, execution_id: str) -> Recovery | None:
        """Return that of one execution, `None` if no process of it died."""
        ...
