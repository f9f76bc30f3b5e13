"""The code of deployed versions on this machine: unpacked once, below Kitaru's own folder."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from kitaru._core.flows.deployed import DeployedCode
from kitaru._core.sources import FlowSource
from kitaru._engine.code import archive
from kitaru._engine.settings import folders
from kitaru.errors import KitaruUsageError

# Given an archive's place, its hash and a folder for unpacked code.
Unpack = Callable[[str, str, Path], Path]


def home() -> Path:
    """Return the folder that has one folder for each code."""
    return folders.own_folder() / "code"


def folder_of(code: DeployedCode) -> Path:
    """Return where a version's code is, or will be."""
    return home() / code.code


def source_of(source: FlowSource, code: DeployedCode | None) -> FlowSource:
    """Return where a flow is on this machine, whichever one has recorded it."""
    return source if code is None else code.source_in(folder_of(code), source)


def _unpack(uri: str, hash: str, folder: Path) -> Path:
    return archive.unpack(Path(uri), hash, folder)


def ensure(code: DeployedCode | None, unpack: Unpack = _unpack) -> None:
    """Unpack a version's code, unless it is here.

    Args:
        code: The version; `None` for an execution of none.
        unpack: Does it, given the archive's place; by default that is on this disk.

    Raises:
        KitaruUsageError: If it is in a folder of another machine.
        KitaruBackendError: If the archive is missing or damaged.
    """
    if code is None or folder_of(code).is_dir():
        return
    is_elsewhere = "://" not in code.uri and not Path(code.uri).exists()
    if is_elsewhere and code.host != socket.gethostname():
        raise KitaruUsageError(
            f"version {code.number} was deployed on {code.host}, and its code is in a "
            f"folder there ({code.uri}); deploy it here, or to a stack that both reach"
        )
    unpack(code.uri, code.code, home())


def is_here(source: FlowSource) -> bool:
    """Whether a flow is that of a deployed version."""
    return bool(source.root) and Path(source.root).is_relative_to(home())
