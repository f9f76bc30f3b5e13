"""How a row describes an execution or a call, and what its description says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kitaru._core.calls import records
from kitaru._core.calls.records import CallRecord
from kitaru._core.flows.facts import LocalFacts
from kitaru._engine.journal.refusals import NO_MATCH, understood


def written_facts(facts: LocalFacts) -> str:
    """Return what the row of an execution says."""
    return json.dumps(facts.to_dict())


def read_facts(
    path: Path, execution_id: str, body: str, is_intact: object
) -> LocalFacts:
    """Return the facts in the row of an execution.

    Raises:
        KitaruBackendError: If they are damaged; names the journal and the execution.
        KitaruStateError: If a newer version has written them.
    """
    with understood(path, f"execution {execution_id}"):
        if not is_intact:
            raise ValueError(NO_MATCH)
        return LocalFacts.from_dict(json.loads(body), execution_id=execution_id)


def written_call(
    record: CallRecord,
) -> tuple[str, str, str, bytes | None, str | None, bool]:
    """Return the row of a call.

    That the flow went on after a failure may change; its column alone says so.
    """
    payloads = [value.payload for value in record.values]
    return (
        record.execution_id,
        record.invocation_id,
        records.to_json(replace(record, caught=False)),
        _join(payloads) if payloads.count(None) < len(payloads) else None,
        record.cache_key,
        record.caught,
    )


def read_call(
    path: Path,
    execution_id: str,
    invocation_id: str,
    body: str,
    payloads: bytes | None,
    caught: int,
    is_intact: object,
) -> CallRecord:
    """Return the call of a row.

    Raises:
        KitaruBackendError: If it is damaged; names the journal, the call and the
            execution.
    """
    with understood(path, f"call {invocation_id!r} of execution {execution_id}"):
        if not is_intact:
            raise ValueError(NO_MATCH)
        record = records.from_json(body)
        if (record.execution_id, record.invocation_id) != (execution_id, invocation_id):
            raise ValueError("it is about another call")
        if payloads is not None:
            record = records.with_payloads(record, _split(payloads))
    return records.as_caught(record) if caught else record


def _join(payloads: Sequence[bytes | None]) -> bytes:
    """Pack payloads: a JSON line with their sizes (-1: none), then the bytes."""
    sizes = [-1 if payload is None else len(payload) for payload in payloads]
    # A list of numbers looks the same in Python as in JSON.
    return b"".join([f"{sizes}\n".encode(), *filter(None, payloads)])


def _split(packed: bytes) -> list[bytes | None]:
    head, _, rest = packed.partition(b"\n")
    found: list[bytes | None] = []
    for size in json.loads(head):
        found.append(None if size < 0 else rest[:size])
        rest = rest[max(size, 0) :]
    return found
