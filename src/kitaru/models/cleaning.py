"""What `kitaru clean` would remove, and what it removed."""

from __future__ import annotations

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


class CleanItem(Record):
    """An execution that goes; `size` is what it takes on this machine, in bytes.

    `status` is `removed` if its run was deleted elsewhere and only files are left.
    """

    exec_id: str
    flow_name: str
    status: str
    size: int = 0


class KeptItem(Record):
    """An execution that stays, and why."""

    exec_id: str
    flow_name: str
    reason: str


class CleanPlan(Record):
    """What `kitaru clean` would do.

    `with_runs` says whether the executions themselves go, or only what Kitaru's own
    files say of them. `stray_logs` are logs that belong to no execution any more.
    """

    scope: CleanScope
    folder: str | None = None
    with_runs: bool
    items: tuple[CleanItem, ...] = ()
    kept: tuple[KeptItem, ...] = ()
    stray_logs: int = 0
    size: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.items and not self.stray_logs


class Cleaned(Record):
    """What `kitaru clean` has done; `kept` has what turned out to be needed meanwhile.

    `compacted` says whether the journal gave its free space back to the disk.
    """

    scope: CleanScope
    with_runs: bool
    removed: int
    stray_logs: int
    size: int
    kept: tuple[KeptItem, ...] = ()
    compacted: bool = True
