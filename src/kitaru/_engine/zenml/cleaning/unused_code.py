"""Code on this machine that no version and no execution names any more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlmodel import Session, col, select
from zenml.client import Client
from zenml.zen_stores.schemas import PipelineSnapshotSchema
from zenml.zen_stores.sql_zen_store import SqlZenStore

from kitaru._core.versions import names
from kitaru._engine.code import archive, unpacked
from kitaru._engine.disk import durable_files
from kitaru._engine.journal.journal import Journal
from kitaru._engine.zenml.setup.errors import translated

# Of an artifact store.
_ARCHIVES = "code_uploads"


def find(journal: Journal, stores: Iterable[Path]) -> list[Path]:
    """Return archives and unpacked code that can go, and what the dead had begun.

    What a server's versions and executions name is known there only: connected to one,
    nothing is unused but the latter.

    Args:
        journal: The journal of this machine.
        stores: The artifact stores that are on this machine.
    """
    home = unpacked.home()
    found = archive.unused(home, lambda _: True)
    store = Client().zen_store
    if not isinstance(store, SqlZenStore):
        return found
    folders = {entry.facts.cwd for entry in journal.entries()}

    def is_named(code: str) -> bool:
        return str(home / code) in folders or _is_in_store(store, code)

    places = [home, *(one / _ARCHIVES for one in stores)]
    with translated("looking for unused code"):
        return [path for place in places for path in archive.unused(place, is_named)]


def remove(found: Iterable[Path], stores: Iterable[Path]) -> int:
    """Remove what `find` has returned; return how many there were."""
    count = 0
    for path in found:
        archive.remove(path)
        count += 1
    for store in stores:
        durable_files.remove_left(store / _ARCHIVES)
    return count


def _is_in_store(store: SqlZenStore, code: str) -> bool:
    """Whether a snapshot of any project names code: that of a version, or of a run."""
    facts = col(PipelineSnapshotSchema.pipeline_configuration)
    found = select(PipelineSnapshotSchema.name).where(facts.contains(code)).distinct()
    with Session(store.engine) as session:
        # Those of executions have no name.
        return any(one is None or not _is_deleted(one) for one in session.exec(found))


def _is_deleted(name: str) -> bool:
    """Whether it is what keeps the number of a deleted version from being used."""
    said = names.read(name)
    return said is not None and said[1]
