"""The token that requests to the local server carry if they start code.

The server answers every program of this machine, of whichever account; this token only
those that may read the user's files.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from kitaru._engine.disk import durable_files
from kitaru._engine.settings import folders


def make() -> None:
    """Make it, unless there is one."""
    if read() is None:
        durable_files.write(_file(), f"kit_{secrets.token_urlsafe(32)}".encode())


def read(folder: Path | None = None) -> str | None:
    """Return it; `None` if no server was ever started.

    Args:
        folder: The configuration folder; by default that of this process.
    """
    try:
        return _file(folder).read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _file(folder: Path | None = None) -> Path:
    own = folders.own_folder() if folder is None else folder / "kitaru"
    return own / "server" / "token"
