"""Find the checkpoint call somebody means: by name, invocation id or call id."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kitaru._core.calls.names import call_id
from kitaru._core.calls.records import CallRecord
from kitaru._core.words.similar import did_you_mean
from kitaru.errors import KitaruUsageError

_FIRST = "_1"


def find(
    records: Sequence[CallRecord], selector: str, *, waits: Collection[str] = ()
) -> CallRecord:
    """Return the one call that `selector` names; `waits` are the names of waits.

    A checkpoint name is taken only if the checkpoint was called once. `draft_2` is the
    second call of `draft`; the first one has the invocation id `draft`, which is the
    name as well, so that `draft_1` says that the first is meant.

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
        choices = ", ".join(_unmistakable(record) for record in named)
        raise KitaruUsageError(
            f"{len(named)} calls of checkpoint {selector!r}; name one of them by its "
            f"invocation id (the first is {selector}{_FIRST}) or call id: {choices}"
        )
    by_id = {record.invocation_id: record for record in records}
    found = by_id.get(selector) or by_id.get(without_first(selector, by_id))
    if found is not None:
        return found
    if named:
        return named[0]
    known = [record.invocation_id for record in records]
    raise KitaruUsageError(
        f"no checkpoint {selector!r} in this execution{did_you_mean(selector, known)} "
        + (f"(it has: {', '.join(known[:20])})" if known else "(it has none yet)")
    )


def without_first(selector: str, known: Collection[str]) -> str:
    """Return the invocation id that `draft_1` stands for: `draft`, unless it is one."""
    first = selector.removesuffix(_FIRST)
    return first if selector not in known and first in known else selector


def _unmistakable(record: CallRecord) -> str:
    """Return what names this call alone; the first one shares its id with the name."""
    first = _FIRST if record.invocation_id == record.name else ""
    own_call_id = call_id(record.execution_id, record.invocation_id)
    return f"{record.invocation_id}{first} ({own_call_id})"
