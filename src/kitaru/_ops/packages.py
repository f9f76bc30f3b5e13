"""Which packages are installed, and which of Kitaru's extras they make up."""

from __future__ import annotations

import platform
import sqlite3
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from kitaru.version import __version__

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_NAME = "kitaru"
# What others are often needed to explain a fault.
_TOLD = ("zenml", "pydantic", "sqlalchemy", "typer")


def versions() -> dict[str, str]:
    """Return versions of Kitaru and what it stands on."""
    found = {
        "kitaru": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "platform": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
    }
    return found | {name: _version(name) or "missing" for name in _TOLD}


def extras() -> dict[str, str]:
    """Return Kitaru's extras: versions of what they ask for, or what is missing."""
    try:
        names = metadata.metadata(_NAME).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        # Run from its source without being installed.
        return {}
    return {name: _extra(name) for name in sorted(names) if name != "all"}


def installed() -> dict[str, str]:
    """Return all installed packages."""
    found = {
        str(each.metadata["Name"]): each.version for each in metadata.distributions()
    }
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _extra(name: str) -> str:
    wanted = _requirements(_NAME, name)
    missing = sorted({lost for each in wanted for lost in _missing(each)})
    if missing:
        return f"not installed: {', '.join(missing)}"
    return ", ".join(f"{each.name} {_version(each.name)}" for each in wanted)


def _missing(requirement: Requirement) -> list[str]:
    """Return what a requirement lacks: itself, or what its own extras ask for."""
    if _version(requirement.name) is None:
        return [requirement.name]
    return [
        inner.name
        for extra in requirement.extras
        for inner in _requirements(requirement.name, extra)
        if _version(inner.name) is None
    ]


def _requirements(package: str, extra: str) -> list[Requirement]:
    """Return what an extra of a package asks for beyond the package itself."""
    from packaging.requirements import Requirement

    found = [Requirement(line) for line in metadata.requires(package) or ()]
    return [
        each
        for each in found
        if each.marker is not None
        and each.marker.evaluate({"extra": extra})
        and not each.marker.evaluate({"extra": ""})
    ]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
