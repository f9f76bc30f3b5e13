"""What executions leave on this machine: values, inputs, logs. Where it is, and its size."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from uuid import UUID

from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.models import ArtifactVersionResponse
from zenml.stack import StackComponent

from kitaru._engine.output import log_folders
from kitaru._engine.zenml.setup import pages
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruBackendError

FOLDER = "kitaru"
_PAGE = 200
# `.data.json.PID.THREAD`, the name of a value and who writes it.
_OLD_DRAFT = re.compile(r"\.data\..+?\.\d+(?:\.\d+)?")
_WRITTEN_WITHIN = 3600.0


def artifact_stores() -> list[Path]:
    """Return the folders of the artifact stores that are on this machine."""
    found = []
    with translated("listing artifact stores"):
        page = Client().list_stack_components(
            type=StackComponentType.ARTIFACT_STORE.value,
            flavor="local",
            size=_PAGE,
            hydrate=True,
        )
        for model in page.items:
            path = getattr(StackComponent.from_model(model), "path", None)
            if path:
                found.append(Path(path))
    return found


def size_of(execution_id: str, stores: Iterable[Path]) -> int:
    """Return how many bytes the values and the log of an execution take."""
    values = (_files(_values_in(store, execution_id)) for store in stores)
    # The log may be there under two names.
    taken = map(_size, chain([log_folders.path_of(execution_id)], *values))
    return sum(dict(taken).values())


def remove_values(execution_id: str, stores: Iterable[Path]) -> bool:
    """Remove the values of an execution whose run is gone.

    Values that runs of others use stay. Returns whether all went.
    """
    all_went = True
    for store in stores:
        folder = _values_in(store, execution_id)
        used = _forget_versions(folder)
        if used:
            all_went = False
            _remove_all_but(folder, used)
        else:
            _remove_tree(folder)
    return all_went


def remove_inputs(file: str | None) -> None:
    """Remove the file with the inputs of an execution, if they were too long for a row."""
    if file is None:
        return
    remove_file(Path(file))
    with suppress(OSError):
        for folder in Path(file).parents[:2]:
            folder.rmdir()


def remove_log(execution_id: str, stores: Iterable[Path]) -> None:
    """Remove the log of an execution, wherever it is, and what ZenML shows of it."""
    for store in stores:
        folder = _values_in(store, execution_id)
        # Of the run, and of its steps.
        for shown in (log_folders.shown_in(folder), *log_folders.shown_below(folder)):
            remove_file(shown)
    for folder in log_folders.folders():
        remove_file(folder / log_folders.path_of(execution_id).name)


def stray_logs(known: Iterable[str]) -> Iterator[Path]:
    """Yield logs in our own folder that belong to none of the known executions.

    Another configuration may log to a folder that was chosen, so only the default one
    is looked at.
    """
    ids = set(known)
    for path in log_folders.logs_in(log_folders.default_folder()):
        if _is_id(path.stem) and path.stem not in ids:
            yield path


def old_drafts(stores: Iterable[Path]) -> Iterator[Path]:
    """Yield what dead processes of older versions had begun to write beside values.

    Those had no lock that would tell that nobody writes any more; their age does.
    """
    for store in stores:
        for file in _files(store / FOLDER):
            if _OLD_DRAFT.fullmatch(file.name) and _age(file) > _WRITTEN_WITHIN:
                yield file


def remove_file(path: Path) -> None:
    """Remove a file that may be gone already."""
    try:
        path.unlink(missing_ok=True)
    except NotADirectoryError:
        return
    except OSError as error:
        raise KitaruBackendError(f"{path} cannot be removed: {error}") from error


def _values_in(store: Path, execution_id: str) -> Path:
    # The name of a folder that is going to be removed with everything in it.
    return store / FOLDER / str(UUID(execution_id))


def _forget_versions(folder: Path) -> list[Path]:
    """Delete the artifact versions below a folder; return the places of those in use."""
    with translated(f"deleting the artifacts in {folder}"):
        for version in _versions(folder, only_unused=True):
            # Gone meanwhile: another process cleans the same.
            with suppress(KeyError):
                Client().zen_store.delete_artifact_version(version.id)
        return [Path(version.uri) for version in _versions(folder, only_unused=False)]


def _versions(folder: Path, *, only_unused: bool) -> list[ArtifactVersionResponse]:
    versions = pages.every(
        lambda number, size: Client().list_artifact_versions(
            uri=f"startswith:{folder}/",
            only_unused=only_unused,
            page=number,
            size=size,
        ),
        size=_PAGE,
    )
    return list(versions)


def _remove_all_but(folder: Path, used: list[Path]) -> None:
    for file in list(_files(folder)):
        if not any(place in file.parents for place in used):
            remove_file(file)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, which may vanish meanwhile."""
    for place, _, names in os.walk(folder):
        for name in names:
            yield Path(place) / name


def _remove_tree(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise KitaruBackendError(f"{folder} cannot be removed: {error}") from error


def _age(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return 0.0


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _size(file: Path) -> tuple[tuple[int, int], int]:
    """Return which file it is, whatever its name, and its size in bytes."""
    try:
        found = file.stat()
    except OSError:
        return (0, 0), 0
    return (found.st_dev, found.st_ino), found.st_size
