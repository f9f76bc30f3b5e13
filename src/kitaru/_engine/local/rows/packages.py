"""The installed packages, as ZenML lists them with a run."""

from __future__ import annotations

import hashlib
import re
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from kitaru._engine.disk import durable_files


def listed(kept: Path) -> str:
    """Return names and versions, one to a line, as `pip freeze` has them.

    Reading them takes as long as a hundred checkpoints, so the list is kept.

    Args:
        kept: The file of the list, which is made if need be.
    """
    key = _key()
    with suppress(OSError, UnicodeDecodeError):
        known, _, packages = kept.read_text("utf-8").partition("\n")
        if known == key:
            return packages
    packages = _read()
    with suppress(OSError):
        durable_files.write(kept, f"{key}\n{packages}".encode())
    return packages


def _key() -> str:
    """Return what changes when a package is installed or removed."""
    folders = [Path(place) for place in dict.fromkeys(sys.path)]
    times = [
        (str(folder), folder.stat().st_mtime_ns)
        for folder in folders
        if folder.name in ("site-packages", "dist-packages") and folder.is_dir()
    ]
    return hashlib.sha256(repr((sys.version, times)).encode()).hexdigest()


def _read() -> str:
    found = {
        _name(package.metadata["Name"]): package.version
        for package in metadata.distributions()
        if package.metadata["Name"]
    }
    return "\n".join(f"{name}=={version}" for name, version in sorted(found.items()))


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
