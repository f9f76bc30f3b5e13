"""Say what to install when the framework of an adapter is not there."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module, metadata
from importlib.util import find_spec

from kitaru.errors import KitaruFeatureNotAvailableError


def require(
    module: str,
    *,
    names: Sequence[str],
    distribution: str,
    needed: str,
    extra: str,
    adapter: str,
) -> None:
    """Check that a framework is installed, in a version the adapter can work with.

    Args:
        module: The module the adapter is built on.
        names: What it needs of that.
        distribution: The package it comes in.
        needed: Which versions have it.
        extra: The extra of Kitaru that installs it.
        adapter: Who asks.

    Raises:
        KitaruFeatureNotAvailableError: If it is not; says what to install.
    """
    package = module.partition(".")[0]
    if find_spec(package) is None:
        raise KitaruFeatureNotAvailableError(
            f"{adapter} needs {distribution}, which is not installed: "
            f"pip install 'kitaru[{extra}]'"
        )
    try:
        found = import_module(module)
        for name in names:
            getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise KitaruFeatureNotAvailableError(
            f"{adapter} needs {distribution} {needed}, but {_version(distribution)} is "
            f"installed: pip install --upgrade 'kitaru[{extra}]'"
        ) from error


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "another version"
