"""A flow's code in the artifact store of the active stack, where pods find it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from zenml.client import Client

from kitaru._core.flows.deployed import DeployedCode
from kitaru._engine.code import archive
from kitaru._engine.code import unpacked as here
from kitaru._engine.code.archive import Packed
from kitaru._engine.zenml.recording import object_store

# ZenML keeps the code of pipelines there, too.
FOLDER = "code_uploads"


def store(root: Path, file: Path) -> tuple[str, Packed]:
    """Put the code of a flow into the store, unless that has it; return where it is.

    Args:
        root: The folder whose files it is.
        file: The flow's file, below it.

    Raises:
        KitaruUsageError: If that cannot be packed; says what is in the way.
        KitaruBackendError: If the store refuses.
    """
    place = f"{Client().active_stack.artifact_store.path.rstrip('/')}/{FOLDER}"
    if object_store.is_local(place):
        packed = archive.pack(root, file, Path(place))
        return str(packed.path), packed
    with tempfile.TemporaryDirectory() as folder:
        packed = archive.pack(root, file, Path(folder) / "made")
        uri = f"{place}/{packed.path.name}"
        is_new = not _is_there(uri, packed, Path(folder))
        if is_new:
            object_store.write(uri, packed.path.read_bytes())
        return uri, replace(packed, is_new=is_new)


def unpacked(uri: str, hash: str, folder: Path) -> Path:
    """Return the folder with the code of an archive; see `archive.unpack`.

    Args:
        uri: Where the archive is, in this stack's store or another one's.
        hash: What its content must be.
        folder: The folder for unpacked code.

    Raises:
        KitaruBackendError: If the archive is gone or damaged, or a store refuses.
    """
    if object_store.is_local(uri) or (folder / hash).is_dir():
        return archive.unpack(Path(uri), hash, folder, origin=uri)
    with tempfile.TemporaryDirectory() as scratch:
        fetched = Path(scratch) / "fetched"
        data = object_store.read(uri, what="the code of the flow")
        if data is not None:
            fetched.write_bytes(data)
        return archive.unpack(fetched, hash, folder, origin=uri)


def ensure(code: DeployedCode | None) -> None:
    """Unpack a version's code on this machine, unless it is here.

    Raises:
        KitaruUsageError: If it is in a folder of another machine.
        KitaruBackendError: If the archive is gone or damaged, or a store refuses.
    """
    here.ensure(code, unpacked)


def _is_there(uri: str, packed: Packed, scratch: Path) -> bool:
    """Whether the store has that very content, whole; else it is written again."""
    data = object_store.read(uri, what="the code of the flow")
    if data is None:
        return False
    found = scratch / "found"
    found.write_bytes(data)
    return archive.is_whole(found, packed.hash)
