"""Put two executions of a flow side by side."""

from __future__ import annotations

from typing import Any

from kitaru._core.calls import comparing
from kitaru._core.secrecy import masking
from kitaru._core.values import plain_data
from kitaru._core.values.tagging import UntaggableError
from kitaru._core.words.wording import short
from kitaru._engine.open import current_engine
from kitaru._ops import executions
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.models import CheckpointCall, Comparison, Execution

# Larger results are compared by size and hash.
MAX_COMPARED = 2**20


def compare(a: str, b: str) -> Comparison:
    """Return what two executions have in common, and what not.

    Args:
        a: The first, by id or unique prefix.
        b: The second.

    Raises:
        KitaruUsageError: If they are of different flows, or one is not there.
    """
    first, second = executions.get(a), executions.get(b)
    if first.flow_name != second.flow_name:
        raise KitaruUsageError(
            f"execution {short(first.exec_id)} is one of flow {first.flow_name!r}, "
            f"{short(second.exec_id)} one of {second.flow_name!r}; only executions of "
            "one flow can be compared"
        )
    return comparing.compare(first, second, _result)


def _result(execution: Execution, call: CheckpointCall) -> Any:
    """Return the result of a call as JSON data, without running code of its classes."""
    described = call.artifacts[-1].metadata
    if described.get("size", 0) > MAX_COMPARED:
        return comparing.UNKNOWN
    try:
        found = current_engine().value(
            execution.exec_id, call.invocation_id, trust=False
        )
        if found.value.content_hash != described.get("hash"):
            # Something saved under the same name comes first.
            return comparing.UNKNOWN
        return masking.data(plain_data.of(found.value.serializer, found.data))
    except (KitaruError, UntaggableError):
        # Gone, damaged, or readable by its classes alone.
        return comparing.UNKNOWN
