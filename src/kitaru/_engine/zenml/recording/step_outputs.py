"""What checkpoint calls have made, as artifact versions: many calls at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from kitaru._core.calls.records import OUTPUT, CallRecord
from kitaru._engine.zenml.recording import artifact_versions, local_rows


@dataclass(frozen=True, slots=True)
class Registered:
    """A record with the places of its values, and its artifact versions by output."""

    record: CallRecord
    outputs: dict[str, list[UUID]]


def register(
    records: Sequence[CallRecord],
    *,
    flow: str,
    values: artifact_versions.KeptValues,
    rows: local_rows.LocalRows | None,
) -> list[Registered]:
    """Make the artifact versions of calls in as few store calls as possible."""
    named = [_unregistered(record, flow) for record in records]
    every = [one for those in named for one in those]
    made = iter(artifact_versions.register(every, values=values, rows=rows))
    registered = []
    for record, those in zip(records, named, strict=True):
        outputs: dict[str, list[UUID]] = {}
        places = []
        for one in those:
            version, value = next(made)
            outputs[one.key] = [version]
            places.append(value)
        output = None if record.output is None else places.pop()
        saved = tuple(
            replace(artifact, value=value)
            for artifact, value in zip(record.artifacts, places, strict=True)
        )
        placed = replace(record, artifacts=saved, output=output)
        registered.append(Registered(placed, outputs))
    return registered


def _unregistered(
    record: CallRecord, flow: str
) -> list[artifact_versions.Unregistered]:
    """Return the values of a call: saved artifacts first, the output last."""
    those = [
        artifact_versions.Unregistered(
            artifact.value,
            artifact_id=artifact.artifact_id,
            name=artifact.name,
            owner=record.invocation_id,
            key=artifact.name,
            save_type=artifact.save_type,
            manual=True,
            linked=record.reused,
            tags=artifact.tags,
        )
        for artifact in record.artifacts
    ]
    if record.output is not None:
        those.append(
            artifact_versions.Unregistered(
                record.output,
                artifact_id=record.artifact_id,
                name=f"{flow}::{record.name}::{OUTPUT}",
                owner=record.invocation_id,
                key=OUTPUT,
                linked=record.reused,
            )
        )
    return those
