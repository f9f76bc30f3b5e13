"""Get ZenML into this process: quietly, without analytics, with its store in WAL mode."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar

from kitaru._engine.disk import private
from kitaru._engine.output.streams import fill_in, tell
from kitaru._engine.settings import analytics, environment, folders
from kitaru._engine.settings.folders import (
    config_file,
    config_folder,
    is_on,
    is_set_up,
)
from kitaru.errors import KitaruBackendError, KitaruUsageError

T = TypeVar("T")


@cache
def import_zenml() -> None:
    """Import ZenML once, leaving logging and tracebacks of the process as they were.

    A process that imported ZenML before keeps ZenML's own set-up.
    """
    if "zenml" in sys.modules:
        _use_our_folder()
        folders.close()
        _keep_configuration_whole()
        analytics.enforce()
        _prepare_databases()
        _look_around_once()
        return
    environment.prepare()
    folders.close()
    root = logging.getLogger()
    level, handlers, hook = root.level, list(root.handlers), sys.excepthook
    fill_in()
    import zenml  # noqa: F401  importing it is the point

    _keep_configuration_whole()
    root.setLevel(level)
    root.handlers[:] = handlers
    sys.excepthook = hook
    logging.captureWarnings(False)
    for stream in (sys.stdout, sys.stderr):
        # ZenML hangs a function of its own over `write` of these very objects.
        if "write" in getattr(stream, "__dict__", {}):
            del stream.write
    if not is_on("KITARU_DEBUG"):
        # Failures reach users through our own errors and reports.
        logging.getLogger("zenml").setLevel(logging.CRITICAL)
        logging.getLogger("alembic").setLevel(logging.CRITICAL)
        # ZenML tries a dead server again and again, and this tells of each time.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        # ZenML imports Google's clients for any service connector, and these warn.
        warnings.filterwarnings(
            "ignore", "You are using a Python version", category=FutureWarning
        )
    _prepare_databases()
    _look_around_once()
    try:
        if not config_file().exists():
            private.make_folder(config_folder())
            _write_analytics()
    except OSError as error:
        raise KitaruBackendError(
            f"the configuration folder {config_folder()} cannot be made: {error}; set "
            "KITARU_CONFIG_PATH to a folder that can be written"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep ZenML's own log out of the output of a run.

    A process that imported ZenML before us has it on stdout; that belongs to the user.
    """
    logger = logging.getLogger("zenml")
    level = logger.level
    if not is_on("KITARU_DEBUG"):
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def ensure_source_root() -> None:
    """Name a source root for ZenML, which derives it from the main script.

    A REPL, a notebook and `python -c` have none; without one ZenML loads no stack.
    """
    from zenml.utils import source_utils

    try:
        source_utils.get_source_root()
    except RuntimeError:
        source_utils.set_custom_source_root(str(Path.cwd()))


def _use_our_folder() -> None:
    """Let ZenML, imported by somebody else, work in the folder that we work in.

    Raises:
        KitaruUsageError: If it works in another one already.
    """
    from zenml.config.global_config import GlobalConfiguration

    before = os.environ.get("ZENML_CONFIG_PATH")
    opened = GlobalConfiguration.get_instance()
    used = Path(opened.config_directory) if opened and opened._zen_store else None
    if (
        not environment.set_folder()
        or used is None
        or used.resolve() == config_folder().resolve()
    ):
        return
    os.environ.pop("ZENML_CONFIG_PATH")
    if before is not None:
        os.environ["ZENML_CONFIG_PATH"] = before
    raise KitaruUsageError(
        f"this process uses the ZenML store in {used} already, but KITARU_CONFIG_PATH is "
        f"{os.environ['KITARU_CONFIG_PATH']!r}; set ZENML_CONFIG_PATH to the same folder"
    )


def announce_setup() -> None:
    """Say that the local store is about to be set up, unless there is one."""
    if not is_set_up():
        tell(f"Setting up the local store in {config_folder()} (once)")


def choose_analytics(*, opted_in: bool) -> None:
    """Keep the user's choice, for Kitaru and for `zenml` used beside it.

    Raises:
        KitaruBackendError: If it cannot be written.
    """
    analytics.store(opted_in=opted_in)
    import_zenml()
    try:
        _write_analytics(opted_in=opted_in)
    except OSError as error:
        raise KitaruBackendError(
            f"{config_file()} cannot be written: {error}; check its permissions"
        ) from error


def _write_analytics(*, opted_in: bool | None = None) -> None:
    """Write the choice into ZenML's configuration, by default the one in force.

    The environment variable holds for our processes only; `zenml` itself would send.
    """
    from zenml.config.global_config import GlobalConfiguration

    if opted_in is None:
        opted_in = analytics.preference().opted_in
    GlobalConfiguration().analytics_opt_in = opted_in


def _keep_configuration_whole() -> None:
    from kitaru._engine.zenml.setup import config_file, first_store

    config_file.keep_whole()
    first_store.keep_whole()


def _look_around_once() -> None:
    """Let ZenML look at the installed packages once, not for each run it makes.

    For the list that it notes with a run it starts pip or uv, and to find its
    integrations it reads the metadata of all packages: a fifth of the time of a run.
    A thread that comes while another looks waits: it would find half of them.
    """
    from zenml.environment import Environment
    from zenml.integrations.registry import IntegrationRegistry

    listed = cache(Environment.get_python_packages)
    Environment.get_python_packages = staticmethod(listed)  # type: ignore[method-assign]  # ZenML offers no setting
    looking = threading.RLock()
    activated = _in_turn(looking, cache(IntegrationRegistry.activate_integrations))
    IntegrationRegistry.activate_integrations = activated  # type: ignore[method-assign]  # nor here
    found = _in_turn(looking, IntegrationRegistry._initialize)
    IntegrationRegistry._initialize = found  # type: ignore[method-assign]


def _in_turn(lock: threading.RLock, act: Callable[..., T]) -> Callable[..., T]:
    """Return `act` for one thread at a time."""

    @wraps(act)
    def acting(*args: Any) -> T:
        with lock:
            return act(*args)

    return acting


def _prepare_databases() -> None:
    """See to it that each local ZenML store is as it should be once it is opened."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "connect", _prepare_database)


def _prepare_database(connection: Any, _record: Any) -> None:
    """Close a store's file to others, and let its readers and writers work at one time.

    SQLite keeps that mode in the file. KITARU_STORE_WAL=false leaves it as it is.
    """
    if not isinstance(connection, sqlite3.Connection):
        return
    wal = folders.wants_write_ahead_log()
    rows = connection.execute("PRAGMA database_list").fetchall()
    places = [Path(row[2]) for row in rows if row[2]]
    for place in places:
        if place.name != "zenml.db":
            continue
        if place.is_relative_to(config_folder().resolve()):
            # Files beside it, such as its log, get its mode.
            private.make_file(place)
        if wal:
            connection.execute("PRAGMA journal_mode=WAL")
