"""Tell whether a checkpoint gets the same inputs as before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from kitaru._core.values import codec

UNKNOWN = None


def of_arguments(digests: Mapping[str, str | None]) -> str | None:
    """Combine the digests of bound arguments; unknown if one of them is unknown."""
    if None in digests.values():
        return UNKNOWN
    joined = "\n".join([f"{name}={digests[name]}" for name in sorted(digests)])
    return hashlib.sha256(joined.encode()).hexdigest()


def of_value(value: object) -> str | None:
    """Return the digest of one argument, or `None` for what has no canonical form."""
    return codec.canonical_hash(value)


def differ(before: str | None, now: str | None) -> bool:
    """Whether two fingerprints prove a change; unknown proves nothing."""
    return before is not None and now is not None and before != now
