"""The first store of a configuration folder: there as a whole, or not at all.

ZenML makes tables, project, stack and user in the place of the store, one after the
other. Killed in between, it leaves a store that no command can open. So the first store
is made beside its place and renamed, by one process at a time, and one that somebody else
has left half-made is moved out of the way. Where it is known what ZenML would make, it is
made of that at once.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import zenml
from zenml.config.global_config import GlobalConfiguration
from zenml.config.store_config import StoreConfiguration

from kitaru._engine.disk import durable_files, locks, private
from kitaru._engine.local.store import template
from kitaru._engine.output.streams import tell

_SQLITE = "sqlite:///"
_DRAFT = ".setup-"
# Beside a SQLite database; its own file comes last.
_PARTS = ("-wal", "-shm", "-journal", "")
# ZenML notes the version when all tables are there, and makes the user at the very end.
_MADE_LAST = ("alembic_version", "stack", "user")
# A program that makes a store writes again and again.
_AT_WORK = 5.0
_PAUSE = 0.2
_configure_store = GlobalConfiguration._configure_store


def keep_whole() -> None:
    """Make the first store of a folder as a whole."""
    GlobalConfiguration._configure_store = _configure_whole  # type: ignore[method-assign]  # ZenML offers no setting


def _configure_whole(
    self: GlobalConfiguration, config: StoreConfiguration, *args: Any, **kwargs: Any
) -> None:
    place = _file_of(config)
    if place is not None and not _is_whole(place):
        _make(self, config, place)
    _configure_store(self, config, *args, **kwargs)


def _file_of(config: StoreConfiguration) -> Path | None:
    """Return the file of a store that is one on this machine."""
    if "ZENML_SERVER" in os.environ or not config.url.startswith(_SQLITE):
        return None
    return Path(config.url.removeprefix(_SQLITE)).absolute()


def _make(
    configuration: GlobalConfiguration, config: StoreConfiguration, place: Path
) -> None:
    private.make_folder(place.parent)
    with locks.held(place.parent / "setup.lock"):
        for left in place.parent.glob(f"{_DRAFT}*"):
            shutil.rmtree(left, ignore_errors=True)
        if _becomes_whole(place) or _is_in_use(place):
            return
        _move_aside(place)
        folder = place.parent / f"{_DRAFT}{uuid4().hex}"
        private.make_folder(folder)
        try:
            draft = folder / "store.db"
            _fill(configuration, config, draft)
            durable_files.put_in_place(draft, place)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _fill(
    configuration: GlobalConfiguration, config: StoreConfiguration, draft: Path
) -> None:
    """Make a store with all that ZenML needs in it."""
    if template.is_known(zenml.__version__):
        template.fill(
            draft,
            version=zenml.__version__,
            store_id=configuration.user_id,
            analytics=configuration.analytics_opt_in,
        )
        return
    from zenml.zen_stores.base_zen_store import BaseZenStore

    private.make_file(draft)
    beside = StoreConfiguration(
        type=config.type, url=f"{_SQLITE}{draft}", secrets_store=config.secrets_store
    )
    with _unflushed():
        store: Any = BaseZenStore.create_store(beside)
        store.engine.dispose()


@contextmanager
def _unflushed() -> Iterator[None]:
    """Flush nothing of the databases that are opened in the `with` body."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def prepare(connection: Any, _record: Any) -> None:
        # A draft is flushed once, when it is whole.
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", prepare)
    try:
        yield
    finally:
        event.remove(Engine, "connect", prepare)


def _becomes_whole(place: Path) -> bool:
    """Whether a store is whole, or becomes so by a program that makes it now."""
    while not (whole := _is_whole(place)) and _is_written(place):
        time.sleep(_PAUSE)
    return whole


def _is_whole(place: Path) -> bool:
    """Whether ZenML can open a store; what cannot be read is for ZenML to tell."""
    try:
        if not place.stat().st_size:
            return False
        with _opened(place) as db:
            tables = _tables(db)
            return all(_has_rows(db, tables, name) for name in _MADE_LAST)
    except FileNotFoundError:
        return False
    except (OSError, sqlite3.Error):
        return True


def _is_in_use(place: Path) -> bool:
    """Whether a store that is not whole holds something that somebody made."""
    if not place.exists() or not place.stat().st_size:
        return False
    with _opened(place) as db:
        tables = _tables(db)
        return any(
            _has_rows(db, tables, name)
            for name in ("pipeline_run", "secret", "artifact_version")
        )


@contextmanager
def _opened(place: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{place.as_uri()}?mode=rw", uri=True)) as db:
        yield db


def _tables(db: sqlite3.Connection) -> set[str]:
    rows = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {row[0] for row in rows}


def _has_rows(db: sqlite3.Connection, tables: set[str], table: str) -> bool:
    if table not in tables:
        return False
    return db.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone() is not None


def _is_written(place: Path) -> bool:
    """Whether somebody has written to a store a moment ago."""
    times = [part.stat().st_mtime for part in _parts(place) if part.exists()]
    return bool(times) and 0 <= time.time() - max(times) < _AT_WORK


def _move_aside(place: Path) -> None:
    """Keep what is there under another name, the log of the database first."""
    kept = place.with_name(f"{place.name}.half-made-{time.strftime('%Y%m%d-%H%M%S')}")
    had_content = place.exists() and place.stat().st_size > 0
    for part, name in zip(_parts(place), _parts(kept), strict=True):
        if part.exists():
            part.replace(name)
    if had_content:
        tell(
            f"The store in {place} was never made to its end; it is kept as {kept.name}, "
            "and a new one is made"
        )


def _parts(place: Path) -> list[Path]:
    return [place.with_name(place.name + part) for part in _PARTS]
