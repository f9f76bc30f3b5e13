"""What `kitaru clean` would remove, and what it removed."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from kitaru.models.base import Record


class CleanScope(StrEnum):
    """What `kitaru clean` is about.

    `project`: executions started in a project folder, with everything they left.
    `global`: Kitaru's own files about executions that have ended; the executions stay.
    `all`: executions of every folder, with everything they left.
    """

    PROJECT = "project"
    GLOBAL = "global"
    ALL = "all"


class Retention(Record):
    """What of the executions that have ended stays.

    Attributes:
        older_than: Those that began no longer ago than this; `None` for no such rule.
        keep: So many of the newest; `None` for none.
    """

    older_than: timedelta | None = None
    keep: int | None = None


class CleanItem(Record):
    """An execution that goes.

    Attributes:
        exec_id: Its id.
        flow_name: Name of its flow; `unknown` if nobody remembers it.
        status: Its `ExecutionStatus` as text, or `removed` if its run was deleted
            elsewhere and only files are left.
        size: What it takes on this machine, in bytes.
    """

    exec_id: str
    flow_name: str
    status: str
    size: int = 0


class KeptItem(Record):
    """An execution that stays, and why.

    Attributes:
        exec_id: Its id.
        flow_name: Name of its flow; `unknown` if nobody remembers it.
        reason: Why it stays, for people.
    """

    exec_id: str
    flow_name: str
    reason: str


class CleanPlan(Record):
    """What `kitaru clean` would do.

    Attributes:
        scope: What it is about.
        folder: The project folder, with the scope `project`; else `None`.
        with_runs: Whether the executions themselves go, or only what Kitaru's own files
            say of them.
        items: The executions that go, newest first; those without a run come last.
        kept: Executions of this scope that stay.
        stray_logs: How many logs go that belong to no execution any more.
        half_written: How many files go that dead processes of older versions had begun
            to write beside values.
        unused_code: How many archives and folders of code go that no deployed version
            and no execution names.
        size: What all `items` take on this machine, in bytes.
        retention: What stays though it has ended; `None` if nothing does for that.
    """

    scope: CleanScope
    folder: str | None = None
    with_runs: bool
    items: tuple[CleanItem, ...] = ()
    kept: tuple[KeptItem, ...] = ()
    stray_logs: int = 0
    half_written: int = 0
    unused_code: int = 0
    size: int = 0
    retention: Retention | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        others = self.stray_logs or self.half_written or self.unused_code
        return not (self.items or others)


class Cleaned(Record):
    """What `kitaru clean` has done.

    Attributes:
        scope: What it was about.
        with_runs: Whether the executions themselves went, or only what Kitaru's own
            files said of them.
        removed: How many executions went.
        stray_logs: How many logs went that belonged to no execution.
        half_written: How many files went that dead processes had begun to write.
        unused_code: How many archives and folders of code went that nothing named.
        size: What the executions that went had taken on this machine, in bytes.
        kept: Executions of the plan that turned out to be needed meanwhile.
        compacted: Whether the journal gave its free space back to the disk, if anything
            was removed; false if another process was in the way.
    """

    scope: CleanScope
    with_runs: bool
    removed: int
    stray_logs: int
    half_written: int = 0
    unused_code: int = 0
    size: int
    kept: tuple[KeptItem, ...] = ()
    compacted: bool = True
