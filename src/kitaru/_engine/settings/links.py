"""Links that open one question each, for people without a session of the page.

A file for each, named by the hash of its token: whoever reads the folder has no link.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from pathlib import Path
from typing import NamedTuple

from kitaru._engine.disk import durable_files
from kitaru._engine.settings import folders

# Nobody waits that long for an answer to a link.
_LASTS = 90 * 86_400.0


class Meant(NamedTuple):
    """The question that a link opens."""

    execution_id: str
    wait_id: str


def make(meant: Meant) -> str:
    """Return the token of a new link; it is stored nowhere."""
    _forget_old()
    token = secrets.token_urlsafe(32)
    durable_files.write(_file(token), json.dumps(meant._asdict()).encode())
    return token


def read(token: str) -> Meant | None:
    """Return what a link opens; `None` if there is no such link any more."""
    try:
        data = json.loads(_file(token).read_bytes())
        return Meant(str(data["execution_id"]), str(data["wait_id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _file(token: str) -> Path:
    name = hashlib.sha256(token.encode(errors="replace")).hexdigest()
    return _folder() / name


def _folder() -> Path:
    return folders.own_folder() / "page" / "links"


def _forget_old() -> None:
    if not _folder().is_dir():
        return
    for file in _folder().iterdir():
        if file.stat().st_mtime < time.time() - _LASTS:
            file.unlink(missing_ok=True)
