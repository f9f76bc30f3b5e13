"""Which engine this process uses: ZenML, or none of it while it can do without."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, cast

from kitaru._engine.port.connections import Connections, Target
from kitaru._engine.port.engine import Engine
from kitaru.errors import KitaruStateError

_opening = threading.RLock()
_chosen: ContextVar[Engine | None] = ContextVar("kitaru_engine", default=None)


def current_engine() -> Engine:
    """Return the engine of the running code."""
    chosen = _chosen.get()
    if chosen is not None:
        return chosen
    # Two threads that come first would open two.
    with _opening:
        return _default()


def engine_in_use() -> Engine | None:
    """Return the engine of the running code, `None` while nobody has needed one."""
    opened = _default.cache_info().currsize > 0
    return current_engine() if opened or _chosen.get() else None


def describe_store() -> dict[str, Any]:
    """Return what `kitaru status` shows, of ZenML alone: where no engine opens.

    Raises:
        KitaruError: If ZenML's store cannot be opened either.
    """
    from kitaru._engine.settings import folders
    from kitaru._engine.zenml.setup import importing

    importing.import_zenml()
    from kitaru._engine.zenml.connection import connection
    from kitaru._engine.zenml.inspection import diagnosis
    from kitaru._engine.zenml.setup.errors import translated

    connection.open_connection()
    with translated("opening the store"):
        return diagnosis.describe(folders.journal_path())


@contextmanager
def use_engine(engine: Engine) -> Iterator[None]:
    """Use another engine while the `with` body runs."""
    token = _chosen.set(engine)
    try:
        yield
    finally:
        _chosen.reset(token)


def connections() -> Connections:
    """Return the connection of this machine; no engine needs to be open for it."""
    chosen = _chosen.get()
    if chosen is not None:
        return chosen.connections
    from kitaru._engine.zenml.setup.importing import import_zenml

    import_zenml()
    from kitaru._engine.zenml.connection.connection import ZenMLConnections

    return ZenMLConnections()


def forget_engine() -> None:
    """Let the next use open an engine anew, with another connection.

    Raises:
        KitaruStateError: If an execution runs in this process.
    """
    if not _default.cache_info().currsize:
        return
    running = _default().running_here()
    if running:
        raise KitaruStateError(
            f"execution {running[0]} runs in this process; it needs the connection it "
            "began with. Connect before it starts, or after it has ended"
        )
    _default.cache_clear()


def enter(target: Target) -> None:
    """Let this context work with another server or project, whatever the process does."""
    from kitaru._engine.zenml.setup.importing import import_zenml

    import_zenml()
    from kitaru._engine.zenml.connection.connection import ZenMLConnections
    from kitaru._engine.zenml.engine import ZenMLEngine

    ZenMLConnections().enter(target)
    _chosen.set(ZenMLEngine())


def zenml_engine() -> Engine:
    """Return the engine of the running code, the one that works through ZenML."""
    from kitaru._engine.local.before_zenml import BeforeZenML

    engine = current_engine()
    while isinstance(engine, BeforeZenML):
        engine = engine.through_zenml
    return engine


@cache
def _default() -> Engine:
    if "zenml" in sys.modules:
        # Its own idea of store and project counts, whatever the files say.
        return _open_zenml()
    from kitaru._engine.local.engine import LocalEngine

    # What it does not have itself it takes from the engine that it opens.
    return cast(Engine, LocalEngine(_open_other))


def _open_other() -> Engine:
    """Return the engine for what is not to be done on a local store without ZenML."""
    if "zenml" not in sys.modules and os.environ.get("KITARU_ENGINE") != "zenml":
        from kitaru._engine.server import login

        if login.names_server():
            from kitaru._engine.server.engine import ServerEngine

            return cast(Engine, ServerEngine(_open_zenml))
    return _open_zenml()


def _open_zenml() -> Engine:
    with collector_paused():
        from kitaru._engine.zenml.setup.importing import import_zenml

        # Before anything else imports it: it comes in quietly only the first time.
        import_zenml()
        from kitaru._engine.zenml.engine import ZenMLEngine

        return ZenMLEngine()


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect nothing in the `with` body, and count what it made as old."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        # Together they move all objects to the oldest generation without looking at
        # them; not if the user has frozen some, which must stay so.
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        gc.enable()
