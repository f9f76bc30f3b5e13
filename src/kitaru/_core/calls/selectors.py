"""Find the checkpoint call somebody means: by name, invocation id or call id."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kitaru._core.calls.names import call_id
from kitaru._core.calls.records import CallRecord
from kitaru._core.words.similar import did_you_mean
from kitaru.errors import KitaruUsageError


def find(
    records: Sequence[CallRecord], selector: str, *, waits: Collection[str] = ()
) -> CallRecord:
    """Return the one call that `selector` names; `waits` are the names of waits.

    A checkpoint name is taken only if the checkpoint was called once; `draft_2` is the
    second call of `draft`.

    Raises:
        KitaruUsageError: If no call or more than one fits; names the candidates.
    """
    named = [record for record in records if record.name == selector]
    is_wait = selector in waits and not named
    if is_wait or selector == "wait" or selector.startswith("wait."):
        raise KitaruUsageError(
            f"{selector!r}: waits are no anchors and cannot be overridden; choose a "
            "checkpoint, and answer the wait with input when the replay reaches it"
        )
    for record in records:
        if selector == call_id(record.execution_id, record.invocation_id):
            return record
    if len(named) > 1:
        choices = ", ".join(_unmistakable(record, selector) for record in named)
        raise KitaruUsageError(
            f"{len(named)} calls of checkpoint {selector!r}; name one of them by its "
            f"invocation id or call id: {choices}"
        )
    for record in records:
        if record.invocation_id == selector:
            return record
    if named:
        return named[0]
    known = [record.invocation_id for record in records]
    raise KitaruUsageError(
        f"no checkpoint {selector!r} in this execution{did_you_mean(selector, known)} "
        + (f"(it has: {', '.join(known[:20])})" if known else "(it has none yet)")
    )


def _unmistakable(record: CallRecord, selector: str) -> str:
    """Return what names this call alone; the first one shares its id with the name."""
    own_call_id = call_id(record.execution_id, record.invocation_id)
    if record.invocation_id == selector:
        return own_call_id
    return f"{record.invocation_id} ({own_call_id})"
