"""Outcomes into ZenML at once, where the disk dies with the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from zenml.enums import MetadataResourceTypes

from kitaru._core.calls.records import CallRecord
from kitaru._engine.port.execution import StartedCall
from kitaru._engine.recording.journal_recorder import taken_over
from kitaru._engine.zenml.recording import step_runs, step_writer
from kitaru._engine.zenml.setup.errors import translated


class Pods(Protocol):
    """The pods of isolated checkpoints."""

    def forget(self, invocation_id: str) -> None:
        """Delete what was exchanged with the pod of a call that is recorded now."""
        ...


class StoreRecorder:
    """For disks that die with the process: ZenML has it before the flow goes on.

    `pods` runs isolated checkpoints where they have pods of their own.
    """

    def __init__(
        self,
        execution_id: str,
        writer: step_writer.StepWriter,
        cancelled: Callable[[], bool],
        pods: Pods | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._execution_id = execution_id
        self._check = check
        self._writer = writer
        self._cancelled = cancelled
        self._pods = pods

    def started(self, call: StartedCall) -> None:
        """Show the call as running, unless who launches it does that."""
        if call.foreign or (call.isolated and self._pods is not None):
            return
        with translated(f"storing the start of {call.invocation_id}"):
            self._writer.write_started(call)

    def commit(self, record: CallRecord) -> None:
        self.check()
        with translated(f"storing the result of {record.invocation_id}"):
            self._writer.write(record)
        if self._pods is not None:
            self._pods.forget(record.invocation_id)

    def link(self, record: CallRecord) -> None:
        self.commit(record)

    def mark_caught(self, records: Sequence[CallRecord]) -> None:
        for record in records:
            self.commit(record)

    def cached(self, key: str) -> CallRecord | None:
        """Look for a step run with that cache key."""
        with translated("looking for a cached result"):
            return step_runs.cached(key)

    def note(self, values: Mapping[str, Any]) -> None:
        with translated("storing metadata"):
            step_writer.write_metadata(
                UUID(self._execution_id), MetadataResourceTypes.PIPELINE_RUN, values
            )

    def drain(self) -> None:
        """Nothing is left to do."""

    def check(self) -> None:
        with taken_over():
            self._check()

    def cancel_requested(self) -> bool:
        """Ask the store."""
        return self._cancelled()
