"""Cleaning up behind executions that have ended."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from kitaru.models import CleanItem, CleanPlan, CleanScope, Retention

# What `remove` says of an execution that somebody else has removed meanwhile.
GONE = "it is gone already"


class Maintenance(Protocol):
    """What executions leave on this machine, and how it goes away."""

    def plan(
        self, scope: CleanScope, folder: Path, retention: Retention | None = None
    ) -> CleanPlan:
        """Return what may go, changing nothing.

        Args:
            scope: What it is about.
            folder: The project folder; for the scope `project` only.
            retention: What stays though it has ended.
        """
        ...

    def remove(self, item: CleanItem, plan: CleanPlan) -> str | None:
        """Remove one execution of a plan; return why not, if it is needed after all.

        Killed at any point, it leaves an execution that is whole, or one whose rest the
        next plan names.
        """
        ...

    def remove_stray_logs(self) -> int:
        """Remove logs that belong to no execution; return how many."""
        ...

    def remove_half_written(self) -> int:
        """Remove files that the dead of older versions had begun to write; return how many."""
        ...

    def remove_unused_code(self) -> int:
        """Remove code that no version and no execution names; return how many places."""
        ...

    def compact(self) -> bool:
        """Give free space back to the disk; return whether nobody was in the way."""
        ...
