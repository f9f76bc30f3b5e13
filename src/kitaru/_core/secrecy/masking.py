"""Cut the values of secrets out of what is kept beside results.

A process remembers the secrets that it has read or stored. Logs, failures, metadata
and what a run prints go through here; results are the user's own business.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from kitaru._core.secrecy import secret_rules
from kitaru._core.secrecy.redaction import HIDDEN

# Shorter values, such as `admin`, would be cut out of what has nothing to do with them.
SHORTEST = 8

_lock = threading.Lock()
# Longest first: one value may be a part of another.
_known: tuple[str, ...] = ()


def remember(values: Mapping[str, str]) -> None:
    """Mask these values from now on, and the secret parts of those that are JSON."""
    global _known
    with _lock:
        parts = {p for p in secret_rules.parts_to_cut(values) if len(p) >= SHORTEST}
        _known = tuple(sorted(parts.union(_known), key=len, reverse=True))


def text(original: str) -> str:
    """Return a text without the values of known secrets."""
    for value in _known:
        original = original.replace(value, HIDDEN)
    return original


def data(original: Any) -> Any:
    """Return JSON data without them; keys stay as they are."""
    if not _known:
        return original
    if isinstance(original, str):
        return text(original)
    if isinstance(original, Mapping):
        return {key: data(value) for key, value in original.items()}
    if isinstance(original, list | tuple):
        return [data(value) for value in original]
    return original


def holds_secret(stored: bytes) -> bool:
    """Whether bytes hold the value of a known secret."""
    return any(value.encode() in stored for value in _known)
