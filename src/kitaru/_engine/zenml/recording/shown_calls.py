"""Shows the calls of an execution through ZenML, for the projector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.enums import MetadataResourceTypes

from kitaru._core.calls.records import CallRecord
from kitaru._core.flows import run_statuses
from kitaru._engine.port.execution import StartedCall
from kitaru._engine.zenml.recording import step_writer
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.setup.errors import translated


@dataclass(frozen=True, slots=True)
class ShownCalls:
    """A writer of steps whose errors are ours."""

    execution_id: str
    writer: step_writer.StepWriter

    def write_started(self, call: StartedCall) -> None:
        with translated(f"showing {call.invocation_id} in ZenML"):
            self.writer.write_started(call)

    def write_all(self, records: Sequence[CallRecord]) -> None:
        with translated(f"showing {len(records)} calls in ZenML"):
            self.writer.write_all(records)

    def write(self, record: CallRecord) -> None:
        with translated(f"showing {record.invocation_id} in ZenML"):
            self.writer.write(record)

    def write_notes(self, notes: Mapping[str, Any]) -> None:
        with translated("showing metadata in ZenML"):
            step_writer.write_metadata(
                UUID(self.execution_id), MetadataResourceTypes.PIPELINE_RUN, notes
            )

    def stop_requested(self) -> bool:
        # Through a server it would be one request more every few seconds.
        if not runs.store_is_a_file():
            return False
        with translated("looking whether somebody has stopped it in ZenML"):
            run = Client().zen_store.get_run(UUID(self.execution_id), hydrate=False)
        return run.status.value in run_statuses.STOPPING
