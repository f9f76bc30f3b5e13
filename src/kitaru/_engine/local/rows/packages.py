"""The installed packages, as ZenML lists them with a run."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata


@cache
def listed() -> str:
    """Return names and versions, one to a line, as `pip freeze` has them.

    Reading them takes as long as a hundred checkpoints: for when nobody waits.
    """
    found = {
        _name(package.metadata["Name"]): package.version
        for package in metadata.distributions()
        if package.metadata["Name"]
    }
    return "\n".join(f"{name}=={version}" for name, version in sorted(found.items()))


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
