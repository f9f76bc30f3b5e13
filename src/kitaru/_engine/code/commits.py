"""Which git commit a folder is at."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kitaru._engine.code import git

_TIMEOUT = 20


def of(folder: Path) -> tuple[str | None, bool]:
    """Return the commit of a folder, and whether its files differ from it.

    Outside of git, and where git is not installed, there is none.
    """
    sha = _git(folder, "rev-parse", "HEAD")
    if not sha:
        return None, False
    changed = _git(folder, "status", "--porcelain", "--", ".")
    return sha.strip(), bool(changed and changed.strip())


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            env=git.environment(),
            text=True,
            timeout=_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout
