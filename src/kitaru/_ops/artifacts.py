"""Look at stored values."""

from __future__ import annotations

from kitaru._engine.open import current_engine
from kitaru._ops.executions import resolve
from kitaru.errors import KitaruUsageError
from kitaru.models import ArtifactRef


def find(
    execution_id: str,
    *,
    name: str | None = None,
    kind: str | None = None,
    producing_call: str | None = None,
    limit: int | None = None,
) -> list[ArtifactRef]:
    """Return artifacts of an execution, in the order of its calls.

    Args:
        execution_id: Execution id or unique prefix.
        name: Only artifacts of this name.
        kind: Only this serializer (`json`, …) or save type (`prompt`, …).
        producing_call: Only artifacts of this call id.
        limit: At most so many.

    Raises:
        KitaruUsageError: For an unknown execution or a negative limit.
    """
    if limit is not None and limit < 0:
        raise KitaruUsageError(f"limit {limit} is negative")
    found = [
        ref
        for ref in current_engine().artifacts(resolve(execution_id))
        if (name is None or ref.name == name)
        and (kind is None or kind in (ref.kind, ref.save_type))
        and (producing_call is None or ref.producing_call == producing_call)
    ]
    return found[:limit]


def get(artifact_id: str) -> ArtifactRef:
    """Return one artifact.

    Raises:
        KitaruUsageError: If there is none of that id.
    """
    return current_engine().artifact(artifact_id)
