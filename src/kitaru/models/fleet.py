"""What was done to many executions at once."""

from __future__ import annotations

from typing import Literal

from kitaru.models.base import Record


class FleetChange(Record):
    """What was done to one of many executions, or would be.

    Attributes:
        exec_id: Its id.
        flow_name: Name of its flow.
        status: The status in which it was chosen.
        action: What is done: `retry` or `cancel`.
        outcome: `planned` (nothing was done yet), `done`, or `refused`.
        reason: Why it was refused, as of one that went on meanwhile; `None` if it was
            not.
    """

    exec_id: str
    flow_name: str
    status: str
    action: Literal["retry", "cancel"]
    outcome: Literal["planned", "done", "refused"] = "planned"
    reason: str | None = None
