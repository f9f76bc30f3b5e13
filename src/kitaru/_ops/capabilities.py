"""Which surface offers which operation: the table of the requirement, as code."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import ParamSpec, TypeVar

from kitaru.errors import KitaruUsageError

P = ParamSpec("P")
R = TypeVar("R")


class Surface(StrEnum):
    """Where a user can reach an operation."""

    CLIENT = "client"
    CLI = "cli"
    MCP = "mcp"


class Op(StrEnum):
    """One thing a user can do."""

    EXECUTION_GET = "inspect an execution"
    EXECUTION_LIST = "list executions"
    EXECUTION_LATEST = "latest execution"
    EXECUTION_LOGS = "read logs"
    EXECUTION_RETRY = "retry an execution"
    EXECUTION_RESUME = "resume a paused execution"
    EXECUTION_REPLAY = "replay an execution"
    EXECUTION_CANCEL = "cancel an execution"
    WAIT_INPUT = "answer a wait"
    WAIT_ABORT = "abort a wait"
    WAIT_LIST = "list pending waits"
    ARTIFACT_LIST = "list artifacts"
    ARTIFACT_GET = "get an artifact"
    STATUS = "show the status"


CLIENT, CLI, MCP = Surface
_EVERYWHERE = frozenset({CLIENT, CLI, MCP})

MATRIX: dict[Op, frozenset[Surface]] = {
    Op.EXECUTION_GET: _EVERYWHERE,
    Op.EXECUTION_LIST: _EVERYWHERE,
    Op.EXECUTION_LATEST: frozenset({CLIENT, MCP}),
    Op.EXECUTION_LOGS: _EVERYWHERE,
    Op.EXECUTION_RETRY: _EVERYWHERE,
    Op.EXECUTION_RESUME: frozenset({CLIENT, CLI}),
    Op.EXECUTION_REPLAY: _EVERYWHERE,
    Op.EXECUTION_CANCEL: _EVERYWHERE,
    Op.WAIT_INPUT: _EVERYWHERE,
    Op.WAIT_ABORT: frozenset({CLIENT}),
    Op.WAIT_LIST: frozenset({CLIENT}),
    Op.ARTIFACT_LIST: frozenset({CLIENT, MCP}),
    Op.ARTIFACT_GET: frozenset({CLIENT, MCP}),
    Op.STATUS: frozenset({CLI, MCP}),
}
exposed: dict[Surface, dict[Op, str]] = {surface: {} for surface in Surface}


def exposes(op: Op, *, on: Surface) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a client method, command or tool as the face of one operation.

    Raises:
        KitaruUsageError: If the table does not grant the operation to that surface.
    """
    if on not in MATRIX[op]:
        raise KitaruUsageError(f"the {on} surface may not offer: {op}")

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        exposed[on][op] = function.__qualname__
        return function

    return mark
