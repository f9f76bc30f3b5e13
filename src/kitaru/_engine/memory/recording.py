"""Outcomes and values of executions that are kept in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.flows.signals import Killed, RunAgain
from kitaru._core.values.codec import Encoded
from kitaru._engine.memory.executions import MemoryExecution
from kitaru._engine.port.execution import StartedCall
from kitaru._engine.values import saved_files, value_files


class Engine(Protocol):
    """What recorders ask the engine.

    Attributes:
        always_again: Whether the body runs again from the top after every call.
    """

    always_again: bool

    def dies_after(self, invocation_id: str) -> bool:
        """Whether the process is to die once that call is recorded."""
        ...

    def cached(self, key: str) -> CallRecord | None:
        """Return an outcome that other executions may use."""
        ...


class Recorder:
    """Keeps outcomes in the execution."""

    def __init__(self, execution: MemoryExecution, engine: Engine) -> None:
        self._execution = execution
        self._engine = engine

    def started(self, call: StartedCall) -> None:
        self._execution.bodies_run.append(call.invocation_id)

    def commit(self, record: CallRecord) -> None:
        self._execution.calls[record.invocation_id] = record
        if self._engine.dies_after(record.invocation_id):
            raise Killed(f"killed after {record.invocation_id}")
        # What the flow makes of a failure has to come first.
        if self._engine.always_again and record.status == "completed":
            raise RunAgain

    def link(self, record: CallRecord) -> None:
        self._execution.calls[record.invocation_id] = record

    def mark_caught(self, records: Sequence[CallRecord]) -> None:
        for record in records:
            self._execution.calls[record.invocation_id] = record

    def note(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            old = self._execution.notes.get(key)
            both = isinstance(old, dict) and isinstance(value, dict)
            self._execution.notes[key] = {**(old or {}), **value} if both else value

    def cached(self, key: str) -> CallRecord | None:
        return self._engine.cached(key)

    def drain(self) -> None:
        pass

    def check(self) -> None:
        """Memory has one process."""

    def cancel_requested(self) -> bool:
        return self._execution.is_to_stop


class Values:
    """Keeps all bytes inline."""

    def put(self, encoded: Encoded, *, owner: str, name: str) -> StoredValue:
        return value_files.inline(encoded)

    def put_file(self, path: Path, *, owner: str, name: str) -> StoredValue:
        pieces: list[bytes] = []
        stored = saved_files.copied(path, name, pieces.append)
        return replace(stored, payload=b"".join(pieces))

    def get(self, value: StoredValue, *, what: str) -> bytes:
        assert value.payload is not None
        return value_files.checked(value, value.payload, what, "memory")
