"""The configuration and the store of a machine's first use, made without ZenML.

ZenML's configuration comes first, then the store with the id that it names, then which
project and stack of the store are active: whoever is killed in between leaves what ZenML
itself goes on with.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

from kitaru._engine.disk import durable_files, locks, private
from kitaru._engine.local.store import flat_yaml, ground, template
from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.output.streams import tell
from kitaru._engine.settings import analytics, folders

# Any of these makes ZenML write, or look for, something else.
_ELSEWHERE = (*ground.ELSEWHERE, "ZENML_LOCAL_STORES_PATH", "ZENML_DEFAULT_")
_CONFIGURATION = """\
{active}analytics_opt_in: {analytics}
store:
  auth_mode: password
  aws_rds_iam_max_wait_seconds: 30.0
  backup_directory: {folder}/database_backup
  backup_strategy: in-memory
  database: {database}
  driver: sqlite
  max_overflow: 20
  pool_pre_ping: true
  pool_size: 20
  secrets_store:
    type: sql
  ssl: false
  ssl_verify_server_cert: false
  type: sql
  url: sqlite:///{database}
user_id: {user_id}
version: {version}
"""


def make_if_missing() -> None:
    """Set up what the first use of a machine needs, unless it is there.

    Raises:
        OnlyZenMLKnows: If ZenML has to do it.
    """
    if folders.config_file().exists():
        return
    version = ground.installed_version()
    if not template.is_known(version):
        raise OnlyZenMLKnows(f"what version {version} of ZenML would make")
    for name in os.environ:
        if name.startswith(_ELSEWHERE):
            raise OnlyZenMLKnows(f"{name} is set")
    try:
        _make(folders.config_folder(), version)
    except (OSError, sqlite3.Error) as error:
        # ZenML's way tells people of it.
        raise OnlyZenMLKnows(f"{type(error).__name__}: {error}") from error


def database_of(folder: Path) -> Path:
    """Return the place of the store in a configuration folder."""
    return folder / "local_stores" / "default_zen_store" / "zenml.db"


def _make(folder: Path, version: str) -> None:
    database, user_id = database_of(folder), uuid4()
    text = _configuration(folder, version, user_id)
    if flat_yaml.read(text).get("store.database") != str(database):
        raise OnlyZenMLKnows(f"how ZenML writes {folder}")
    private.make_folder(database.parent)
    with locks.held(database.parent / "setup.lock"):
        if folders.config_file().exists() or any(database.parent.glob("*.db*")):
            # Another process was faster, or has been killed.
            return
        tell(f"Setting up the local store in {folder} (once)")
        durable_files.write(folders.config_file(), text.encode())
        draft = database.parent / f".setup-{uuid4().hex}"
        private.make_folder(draft)
        try:
            made = draft / "store.db"
            template.fill(
                made,
                version=version,
                store_id=user_id,
                analytics=analytics.preference().opted_in,
            )
            text = _configuration(folder, version, user_id, _active(made))
            durable_files.put_in_place(made, database)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        durable_files.write(folders.config_file(), text.encode())


def _configuration(folder: Path, version: str, user_id: UUID, active: str = "") -> str:
    return _CONFIGURATION.format(
        active=active,
        analytics=str(analytics.preference().opted_in).lower(),
        folder=folder,
        database=database_of(folder),
        user_id=user_id,
        version=version,
    )


def _active(database: Path) -> str:
    """Return which project and stack are active in a new store: the only ones."""
    with closing(sqlite3.connect(database)) as db:
        ((project,),) = db.execute("SELECT id FROM project")
        ((stack,),) = db.execute("SELECT id FROM stack")
    return f"active_project_id: {UUID(project)}\nactive_stack_id: {UUID(stack)}\n"
