"""What `kitaru reconcile` found, and what it did about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from kitaru.models.base import Record


class Trouble(StrEnum):
    """Why an execution does not get on by itself.

    `answered`: its wait is, and nobody goes on. `runner died`: the process that ran it
    did. `given up`: by the platform its stack runs on.
    """

    ANSWERED = "answered"
    RUNNER_DIED = "runner died"
    GIVEN_UP = "given up"


class Remedy(StrEnum):
    """What helps: `continue` it, or `fail` it so that it can be retried."""

    CONTINUE = "continue"
    FAIL = "fail"


class Reconciled(Record):
    """An execution that somebody had forgotten.

    Attributes:
        exec_id: Its id.
        flow_name: Name of its flow; `unknown` if that was deleted.
        trouble: Why it does not get on by itself.
        remedy: What helps.
        done: Whether `remedy` was applied; never in a dry run.
        detail: How, or why not, for people.
        refused: Whether it was not done because of an error; false for what somebody
            else was faster at.
    """

    exec_id: str
    flow_name: str
    trouble: Trouble
    remedy: Remedy
    done: bool
    detail: str
    refused: bool = False


class Recovery(Record):
    """What becomes of an execution with `recover="auto"` after its process died.

    Attributes:
        times: How often it has gone on by itself, or is about to.
        deaths: How many of its processes died since a checkpoint was last newly
            finished.
        next_at: When it goes on by itself, in UTC, as soon as somebody looks; `None` if
            it has gone on, or does not.
        stopped: Why it does not go on by itself any more; `None` if it does. A retry by
            hand lets it go on, and begins the count again.
    """

    times: int
    deaths: int
    next_at: datetime | None = None
    stopped: str | None = None
