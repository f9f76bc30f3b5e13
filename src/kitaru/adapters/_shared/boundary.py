"""The one way an adapter reaches Kitaru: run a call of the framework.

| where the code stands | what happens |
|---|---|
| outside a flow | the call, nothing else |
| in a flow | a checkpoint with the given id |
| in a checkpoint | the call, and a note of it on that checkpoint |
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import TypeVar

from kitaru._core.flows import scope
from kitaru.adapters._shared import budgets, events, redaction, runs
from kitaru.adapters._shared.budgets import MODEL_REQUEST as MODEL_REQUEST
from kitaru.checkpoints import (
    CheckpointSettings,
    acall_as_checkpoint,
    call_as_checkpoint,
)

T = TypeVar("T")

# What the calls of all frameworks are, and the types of their checkpoints.
TOOL_CALL = "tool_call"
MCP_CALL = "mcp_call"


class Place(StrEnum):
    """Where the running code stands."""

    OUTSIDE = "outside"
    FLOW = "flow"
    CHECKPOINT = "checkpoint"


def place() -> Place:
    """Return where the running code stands."""
    here = scope.current()
    if here is None:
        return Place.OUTSIDE
    return Place.FLOW if here.call is None else Place.CHECKPOINT


class Boundary:
    """Runs the calls of one agent.

    Args:
        settings: Of checkpoints by kind of call, such as `model_request`; each kind is
            also the checkpoint's type unless the settings give one.
    """

    def __init__(
        self, settings: Mapping[str, CheckpointSettings] | None = None
    ) -> None:
        self._settings = dict(settings or {})

    async def run(
        self,
        kind: str,
        name: str,
        identity: str,
        work: Callable[[], Awaitable[T]],
        *,
        inputs: object = None,
        settings: CheckpointSettings | None = None,
        recover: Callable[[Exception], Awaitable[T]] | None = None,
        is_handled: bool = False,
    ) -> T:
        """Run a call that is awaited.

        Args:
            kind: What sort of call it is.
            name: Name of the checkpoint.
            identity: Invocation id of the checkpoint.
            work: The call itself.
            inputs: What it depends on.
            settings: Of this call, over those of its kind.
            recover: What the framework makes of a failure, once no attempt is left; raises
                what it does not handle. In a checkpoint that is the outcome.
            is_handled: Whether a failure is an outcome unless `checkpoints.unhandled` says
                otherwise: for frameworks that handle it where they cannot be asked.
        """
        here = place()
        if here is not Place.FLOW:
            try:
                with _noted(here, kind, name, identity):
                    return await work()
            except Exception as error:
                if recover is None:
                    raise
                return await recover(error)

        async def cleanly() -> T:
            try:
                return await work()
            except Exception as error:
                redaction.clean_error(error)
                raise

        await budgets.check_from_loop(kind, identity)
        found = runs.activity()
        assert found is not None  # there is a flow here
        async with found.gate().passed():
            return await acall_as_checkpoint(
                cleanly,
                id=identity,
                name=name,
                inputs=inputs,
                settings=self._combined(kind, settings),
                recover=recover,
                is_handled=is_handled,
            )

    def run_sync(
        self,
        kind: str,
        name: str,
        identity: str,
        work: Callable[[], T],
        *,
        inputs: object = None,
        settings: CheckpointSettings | None = None,
        recover: Callable[[Exception], T] | None = None,
        is_handled: bool = False,
    ) -> T:
        """Do the same for a call that blocks."""
        here = place()
        if here is not Place.FLOW:
            try:
                with _noted(here, kind, name, identity):
                    return work()
            except Exception as error:
                if recover is None:
                    raise
                return recover(error)

        def cleanly() -> T:
            try:
                return work()
            except Exception as error:
                redaction.clean_error(error)
                raise

        budgets.check(kind, identity)
        return call_as_checkpoint(
            cleanly,
            id=identity,
            name=name,
            inputs=inputs,
            settings=self._combined(kind, settings),
            recover=recover,
            is_handled=is_handled,
        )

    def _combined(
        self, kind: str, settings: CheckpointSettings | None
    ) -> CheckpointSettings:
        combined: CheckpointSettings = {"type": kind}
        combined.update(self._settings.get(kind, {}))
        combined.update(settings or {})
        return combined


def _noted(
    here: Place, kind: str, name: str, identity: str
) -> AbstractContextManager[None]:
    """Note a call on the checkpoint it is made in, if it is."""
    if here is Place.OUTSIDE:
        return nullcontext()
    return events.noted(kind, name, identity)
