"""Tokens that servers gave for API keys, kept until they expire.

To exchange a key takes a server most of a second, which each process would have to wait
for. What is kept is a token, never the key: a file that only the user may open, named by
a hash of server and key. Where ZenML may not write credentials to the disk, neither do we.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kitaru._engine.disk import durable_files
from kitaru._engine.settings import folders

# What keeps ZenML from writing credentials; either way people write it.
FORBIDDEN_BY = (
    "DISABLE_CREDENTIALS_DISK_CACHING",
    "ZENML_DISABLE_CREDENTIALS_DISK_CACHING",
)
_FORBIDS = (*folders.TRUE, "y")
# A token that is about to expire would do so on its way, or in the middle of a flow.
_LEEWAY = 30.0
# One of which the server says no end is asked for anew each day.
_AT_MOST = 86400.0


@dataclass(frozen=True, slots=True)
class KeptToken:
    """A token, and the moment, in seconds since 1970, from which on it is not used."""

    text: str = field(repr=False)
    until: float

    @property
    def seconds(self) -> int:
        """How long it can be used."""
        return int(self.until - time.time())

    @property
    def is_over(self) -> bool:
        """Whether it is to be used no more."""
        # A clock that was set back must not keep one for ever.
        return not time.time() <= self.until <= time.time() + _AT_MOST


def find(url: str, key: str) -> KeptToken | None:
    """Return the token that a server gave for a key, if it can still be used."""
    found = _read(_path(url, key)) if may_be_on_disk() else None
    return None if found is None or found.is_over else found


def keep(url: str, key: str, text: str, *, expires_in: float | None) -> None:
    """Keep a token that a server gave for a key.

    Args:
        url: The server.
        key: The API key.
        text: The token.
        expires_in: Seconds until it expires; `None` if the server does not say.
    """
    left = _AT_MOST if expires_in is None else min(expires_in - _LEEWAY, _AT_MOST)
    if left <= 0 or not may_be_on_disk():
        return
    data = json.dumps({"token": text, "until": time.time() + left}).encode()
    # A disk that is full or read-only costs the next process an exchange, no more.
    with suppress(OSError):
        durable_files.write(_path(url, key), data)


def drop(url: str, key: str, refused: str) -> None:
    """Forget a token that its server refuses, unless there is another one by now."""
    path = _path(url, key)
    stored = _read(path)
    if stored is not None and stored.text == refused:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def forget() -> None:
    """Forget all tokens."""
    for path in _folder().glob("*"):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _read(path: Path) -> KeptToken | None:
    try:
        said = json.loads(path.read_bytes())
        return KeptToken(str(said["token"]), float(said["until"]))
    # Whatever is there instead: the next exchange puts it right.
    except (OSError, ValueError, TypeError, KeyError):
        return None


def may_be_on_disk() -> bool:
    """Whether credentials may be written to the disk, and are looked for there."""
    return not any(os.environ.get(n, "").lower() in _FORBIDS for n in FORBIDDEN_BY)


def _folder() -> Path:
    return folders.own_folder() / "server" / "tokens"


def _path(url: str, key: str) -> Path:
    both = "\0".join((url, key)).encode(errors="surrogatepass")
    return _folder() / hashlib.sha256(both).hexdigest()[:32]
