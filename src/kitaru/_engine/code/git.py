"""What `git` is started with when it is asked about a project."""

from __future__ import annotations

import os

# Inside a hook of git these point to the repository of the hook.
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


def environment() -> dict[str, str]:
    """Return this process' variables, without those that say which repository."""
    return {name: text for name, text in os.environ.items() if name not in _OF_A_HOOK}
