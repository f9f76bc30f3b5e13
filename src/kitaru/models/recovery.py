"""What `kitaru reconcile` found, and what it did about it."""

from __future__ import annotations

from enum import StrEnum

from kitaru.models.base import Record


class Trouble(StrEnum):
    """Why an execution does not get on by itself."""

    ANSWERED = "answered"
    RUNNER_DIED = "runner died"
    GIVEN_UP = "given up"


class Remedy(StrEnum):
    """What helps: `continue` it, or `fail` it so that it can be retried."""

    CONTINUE = "continue"
    FAIL = "fail"


class Reconciled(Record):
    """An execution that somebody had forgotten.

    `trouble` is `answered` (its wait is, and nobody goes on), `runner died` or `given up`
    (by the platform its stack runs on). `done` says whether `remedy` was applied; `detail`
    how, or why not. `refused` tells an error from what may simply take its time.
    """

    exec_id: str
    flow_name: str
    trouble: Trouble
    remedy: Remedy
    done: bool
    detail: str
    refused: bool = False
