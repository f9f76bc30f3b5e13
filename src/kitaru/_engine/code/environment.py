"""With which Python and packages a flow was deployed, and what is different here."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kitaru.version import __version__


@dataclass(frozen=True, slots=True)
class Environment:
    """What a flow was deployed with.

    Attributes:
        python: The interpreter's file.
        python_version: Its version, such as `3.12.4`.
        packages: Versions of the distributions of which something was loaded.
    """

    python: str
    python_version: str
    packages: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Environment:
        """Return the environment written by `to_dict`."""
        return cls(
            python=str(data["python"]),
            python_version=str(data["python_version"]),
            packages={str(k): str(v) for k, v in data.get("packages", {}).items()},
        )


def recorded() -> Environment:
    """Return the environment of this process, once the flow's file is loaded.

    Looking through all distributions takes about a second.
    """
    loaded = {name.partition(".")[0] for name in list(sys.modules)}
    owners = importlib.metadata.packages_distributions()
    named = {owner for name in loaded for owner in owners.get(name, ())}
    versions = {name: _version(name) for name in sorted(named, key=str.lower)}
    return Environment(
        python=sys.executable,
        python_version=platform.python_version(),
        # Of an editable install nobody says what belongs to it.
        packages={k: v for k, v in versions.items() if v} | {"kitaru": __version__},
    )


def interpreter(environment: Environment) -> str:
    """Return the interpreter to run it with: the recorded one if it is here, or ours."""
    there = Path(environment.python)
    return (
        str(there) if there.is_file() and os.access(there, os.X_OK) else sys.executable
    )


def fits_python(environment: Environment, version: str | None = None) -> bool:
    """Whether a Python can be expected to run it: one of the same major and minor.

    Args:
        environment: What the flow was deployed with.
        version: The version of that Python; by default ours.
    """
    here = version or platform.python_version()
    return here.split(".")[:2] == environment.python_version.split(".")[:2]


def differences(environment: Environment) -> list[str]:
    """Return in words what this process has that the recorded environment had not.

    Example:
        `["pydantic-ai was 2.66 at deploy, is 2.70", "httpx was 0.28 at deploy, is gone"]`
    """
    had = {"Python": environment.python_version} | environment.packages
    has = {"Python": platform.python_version(), "kitaru": __version__}
    found = {name: has.get(name) or _version(name) for name in had}
    return [
        f"{name} was {before} at deploy, is {found[name] or 'gone'}"
        for name, before in had.items()
        if found[name] != before
    ]


def _version(distribution: str) -> str | None:
    try:
        # A broken installation has a folder and no version in it.
        return importlib.metadata.version(distribution) or None
    except importlib.metadata.PackageNotFoundError:
        return None
