"""Outcomes of calls that nobody ran, to show them in ZenML."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kitaru._core.calls.records import CallRecord
from kitaru._core.values import codec
from kitaru._engine.zenml.recording import artifact_versions, local_rows, step_writer


class Recorded:
    """An execution whose outcomes are shown without running them."""

    def __init__(self, execution_id: str, flow: str) -> None:
        self.execution_id = execution_id
        self._flow = flow
        self._values = artifact_versions.values_of(execution_id)

    def records(self, count: int) -> list[CallRecord]:
        """Return outcomes of calls, each with a result of its own."""
        moment = datetime.now(UTC)
        return [
            CallRecord(
                self.execution_id,
                f"trivial_{n}",
                "trivial",
                "completed",
                moment,
                moment + timedelta(seconds=n),
                order=n,
                output=self._values.put(
                    codec.encode(n), owner="trivial", name="output"
                ),
            )
            for n in range(count)
        ]

    def reusing(self, records: list[CallRecord]) -> list[CallRecord]:
        """Return outcomes that are results of another execution."""
        return [
            replace(
                record,
                execution_id=self.execution_id,
                reused=True,
                output_id=record.artifact_id,
            )
            for record in records
        ]

    def show(self, records: list[CallRecord]) -> None:
        """Write them to ZenML, as the thread in the background does."""
        self.writer().write_all(records)

    def writer(self) -> step_writer.StepWriter:
        """Return what writes to ZenML for a process that has just begun."""
        rows = local_rows.of_store()
        return step_writer.StepWriter(self.execution_id, self._flow, self._values, rows)
