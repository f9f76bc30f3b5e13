"""`save()` and `load()`: named values, the same in whichever process a body runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kitaru._core.calls import names
from kitaru._core.calls.records import StoredArtifact, StoredValue
from kitaru._core.flows.scope import RunningCall
from kitaru._core.values import codec
from kitaru._core.values.tagging import anything
from kitaru._engine.port.execution import Found, Values
from kitaru._engine.values import value_files
from kitaru.errors import KitaruUsageError


def add(
    call: RunningCall,
    name: str,
    value: object,
    values: Values,
    *,
    execution_id: str,
    save_type: str,
    tags: Sequence[str],
) -> None:
    """Store a value or a file; it becomes durable with the result of its call.

    Raises:
        KitaruUsageError: If the name is none or the call has used it, or if the value
            cannot be stored.
    """
    owner = call.invocation_id
    names.check_name("artifact", name)
    if any(artifact.name == name for artifact in call.artifacts):
        raise KitaruUsageError(
            f"checkpoint {owner!r} has saved {name!r} already; artifact names are unique "
            "within a call"
        )
    call.artifacts.append(
        StoredArtifact(
            artifact_id=names.artifact_id(execution_id, owner, name),
            name=name,
            save_type=save_type,
            value=_stored(value, values, owner, name),
            tags=tuple(tags),
        )
    )


def saved_by(call: RunningCall | None, name: str, values: Values) -> Found | None:
    """Return a value that the running call has saved under that name, if it has."""
    for artifact in call.artifacts if call is not None else ():
        if artifact.name == name:
            data = values.get(artifact.value, what=f"artifact {name!r}")
            return Found(artifact.value, data, anything)
    return None


def load(found: Found) -> object:
    """Return what `load()` gives to the body, wherever that runs."""
    return value_files.load(found.value, found.data, found.permit)


def _stored(value: object, values: Values, owner: str, name: str) -> StoredValue:
    if isinstance(value, Path):
        return values.put_file(value, owner=owner, name=name)
    encoded = codec.encode(value, what=f"artifact {name!r}")
    return values.put(encoded, owner=owner, name=name)
