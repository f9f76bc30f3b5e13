"""Tell whether a checkpoint gets the same inputs as before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from datetime import date, time
from uuid import UUID

from pydantic import BaseModel

from kitaru._core.values import codec

UNKNOWN = None
_DEEPEST = 20


def of_arguments(digests: Mapping[str, str | None]) -> str | None:
    """Combine the digests of bound arguments; unknown if one of them is unknown."""
    if None in digests.values():
        return UNKNOWN
    joined = "\n".join([f"{name}={digests[name]}" for name in sorted(digests)])
    return hashlib.sha256(joined.encode()).hexdigest()


def of_value(value: object) -> str | None:
    """Return the digest of one argument, or `None` for what has no canonical form."""
    return codec.canonical_hash(value)


def is_fleeting(value: object, _depth: int = 0) -> bool:
    """Whether a value, or one inside it, is another one in each run by nature.

    Times and UUIDs: a flow that passes the time of day has not changed its way.
    """
    if isinstance(value, date | time | UUID):
        return True
    if _depth >= _DEEPEST:
        return False
    if isinstance(value, Mapping):
        inside: Iterable[object] = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        inside = value
    elif isinstance(value, BaseModel) or is_dataclass(value):
        inside = getattr(value, "__dict__", {}).values()
    else:
        return False
    return any(is_fleeting(item, _depth + 1) for item in inside)


def differ(before: str | None, now: str | None) -> bool:
    """Whether two fingerprints prove a change; unknown proves nothing."""
    return before is not None and now is not None and before != now
