"""`save()`: a named value of a checkpoint, stored in the process that runs its body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from kitaru._core.calls import names
from kitaru._core.calls.records import StoredArtifact, StoredValue
from kitaru._core.values import codec
from kitaru._engine.port.execution import Values
from kitaru.errors import KitaruUsageError


def check_name(name: str, owner: str, known: Iterable[str]) -> None:
    """Refuse a name that is none, or that the call has used.

    Raises:
        KitaruUsageError: If it is one of `known`, or no valid name.
    """
    names.check_name("artifact", name)
    if name in known:
        raise KitaruUsageError(
            f"checkpoint {owner!r} has saved {name!r} already; artifact names are unique "
            "within a call"
        )


def store(
    value: object,
    values: Values,
    *,
    execution_id: str,
    owner: str,
    name: str,
    save_type: str,
    tags: Sequence[str],
) -> StoredArtifact:
    """Store a value or a file; it becomes durable with the result of its call."""
    return StoredArtifact(
        artifact_id=names.artifact_id(execution_id, owner, name),
        name=name,
        save_type=save_type,
        value=_stored(value, values, owner, name),
        tags=tuple(tags),
    )


def _stored(value: object, values: Values, owner: str, name: str) -> StoredValue:
    if isinstance(value, Path):
        return values.put_file(value, owner=owner, name=name)
    encoded = codec.encode(value, what=f"artifact {name!r}")
    return values.put(encoded, owner=owner, name=name)
