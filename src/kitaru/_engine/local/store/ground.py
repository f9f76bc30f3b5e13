"""What a process must know of the local ZenML store, read without importing ZenML.

Each doubt ends in `OnlyZenMLKnows`, and whoever asked goes the way through ZenML: a store
that is none on this machine, variables that change where it lies, a version whose tables
nobody compared, a project or stack that ZenML would have to choose or to complain about, a
stack with parts elsewhere.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.machinery import PathFinder
from pathlib import Path
from uuid import UUID

from kitaru._engine.local.store import flat_yaml
from kitaru._engine.local.store.compared import COMPARED
from kitaru._engine.settings import configuration, folders
from kitaru.errors import KitaruBackendError, KitaruError

_SQLITE = "sqlite:///"
# Any of these may lead to another store, and the last to other credentials for it.
ELSEWHERE = (
    "ZENML_STORE_",
    "ZENML_SECRETS_STORE_",
    "ZENML_BACKUP_SECRETS_STORE_",
    "ZENML_SERVER",
    "KITARU_SERVER_URL",
    "KITARU_AUTH_TOKEN",
)
_LOCAL_PARTS = ("orchestrator", "artifact_store")
_PATIENCE = 5.0
_TABLES = (
    *("alembic_version", "server_settings", "user", "project"),
    *("stack", "stack_component", "stack_composition"),
    *("pipeline", "pipeline_snapshot", "pipeline_run", "pipeline_run_output"),
    *("tag", "tag_resource", "artifact", "artifact_version", "run_wait_condition"),
    "artifact_visualization",
    *("step_run", "step_configuration", "step_run_parents"),
    *("step_run_input_artifact", "step_run_output_artifact"),
    *("run_metadata", "run_metadata_resource", "logs"),
)
_SHAPE = f"""
SELECT t.name, c.name, c."notnull", c.pk
FROM sqlite_master t, pragma_table_info(t.name) c
WHERE t.type = 'table' AND t.name IN ({", ".join("?" * len(_TABLES))})
ORDER BY t.name, c.name
"""


class OnlyZenMLKnows(Exception):
    """Why a question has to go to ZenML itself."""


class UnsettledError(OnlyZenMLKnows):
    """An execution does not get on by itself, or ZenML does not show how it ended."""

    def __init__(self, execution_id: str, why: str) -> None:
        super().__init__(f"execution {execution_id}: {why}")
        self.execution_id = execution_id


@contextmanager
def no_way_back() -> Iterator[None]:
    """Let a doubt in the `with` body be an error: something was changed before it.

    Whoever would begin again through ZenML would do it twice.

    Raises:
        KitaruBackendError: For what is `OnlyZenMLKnows` elsewhere.
    """
    try:
        yield
    except OnlyZenMLKnows as doubt:
        raise KitaruBackendError(
            f"ZenML's store does not answer as before: {doubt}; what is finished is safe "
            "in the journal. See what is broken with: kitaru info"
        ) from doubt


@dataclass(frozen=True, slots=True)
class Ground:
    """A local store, and what this process works with in it; ids as text with dashes.

    Attributes:
        database: The file of the store.
        zenml_version: Version of ZenML that made it, and that is installed.
        store_id: Its id, which another store in the same place would not have.
        user: Name of the user that ZenML works as.
        stack: Name of the stack; orchestrator and artifact store are local.
        artifact_root: Folder of the stack's artifact store; it may not be there yet.
    """

    database: Path
    zenml_version: str
    store_id: str
    user_id: str
    user: str
    project_id: str
    project: str
    stack_id: str
    stack: str
    artifact_store_id: str
    artifact_root: Path


def read(*, stack: str | None = None) -> Ground:
    """Return what there is to know.

    Args:
        stack: Name of a stack to work with, in place of the active one.

    Raises:
        OnlyZenMLKnows: If ZenML has to be asked; says why.
    """
    try:
        return _read(stack)
    except (OSError, ValueError, sqlite3.Error, KitaruError) as error:
        # Broken files and settings, too: ZenML's way tells people of them.
        raise OnlyZenMLKnows(f"{type(error).__name__}: {error}") from error
    except flat_yaml.UnknownFormError as error:
        raise OnlyZenMLKnows(f"a configuration has the line {error}") from error


def shape(db: sqlite3.Connection) -> str:
    """Return what tells whether the tables are those of a version, as a short text."""
    rows = db.execute(_SHAPE, _TABLES).fetchall()
    return sha256(repr(rows).encode()).hexdigest()[:16]


def _read(stack: str | None) -> Ground:
    for name, value in os.environ.items():
        if name.startswith(ELSEWHERE) and (value or name.startswith("ZENML_")):
            raise OnlyZenMLKnows(f"{name} is set")
    config = _values(folders.config_file())
    version = config.get("version", "")
    if version not in COMPARED or version != installed_version():
        raise OnlyZenMLKnows(f"the store is of version {version!r} of ZenML")
    database = _database(config)
    with closing(
        sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)
    ) as db:
        _check_tables(db, version)
        (store_id,) = _one(db, "SELECT id FROM server_settings")
        project_id, project = _project(db, config)
        stack_id, name = _stack(db, config, stack)
        artifact_store_id, root = _artifact_store(db, stack_id)
        user_id, user = _user(db)
    return Ground(
        database=database,
        zenml_version=version,
        store_id=_id(store_id),
        user_id=_id(user_id),
        user=user,
        project_id=_id(project_id),
        project=project,
        stack_id=_id(stack_id),
        stack=name,
        artifact_store_id=_id(artifact_store_id),
        artifact_root=root,
    )


def _values(file: Path) -> dict[str, str]:
    return flat_yaml.read(file.read_text(encoding="utf-8"))


def installed_version() -> str:
    """Return ZenML's own version; to find a package does not import it."""
    found = PathFinder.find_spec("zenml")
    if found is None or not found.submodule_search_locations:
        raise OnlyZenMLKnows("ZenML is not installed")
    return (Path(found.submodule_search_locations[0]) / "VERSION").read_text().strip()


def _database(config: dict[str, str]) -> Path:
    url = config.get("store.url", "")
    path = url.removeprefix(_SQLITE)
    if config.get("store.type") != "sql" or path == url or set(path) & set("?%#"):
        raise OnlyZenMLKnows("the store is no local one")
    if not Path(path).is_absolute():
        raise OnlyZenMLKnows(f"the store is {path!r} in a folder that is not named")
    return Path(path)


def _check_tables(db: sqlite3.Connection, version: str) -> None:
    (made_by,) = _one(db, "SELECT version_num FROM alembic_version")
    if made_by != version or shape(db) != COMPARED[version]:
        raise OnlyZenMLKnows(f"the tables of the store are not those of {version}")


def _project(db: sqlite3.Connection, config: dict[str, str]) -> tuple[str, str]:
    """Return id and name of the project; Kitaru's own settings come first."""
    wanted, _ = configuration.project()
    if wanted is None:
        return _named(db, "project", _active("project", config))
    try:
        # A name may look like an id; what is both is for ZenML to tell apart.
        return _named(db, "project", UUID(wanted).hex)
    except ValueError:
        return _pair(db, "SELECT id, name FROM project WHERE name = ?", wanted)


def _stack(
    db: sqlite3.Connection, config: dict[str, str], wanted: str | None
) -> tuple[str, str]:
    if wanted is not None:
        return _pair(db, "SELECT id, name FROM stack WHERE name = ?", wanted)
    return _named(db, "stack", _active("stack", config))


def _active(kind: str, config: dict[str, str]) -> str:
    """Return the id of the active project or stack, as ZenML chooses it."""
    key = f"active_{kind}_id"
    of_folder = repository()
    if chosen := os.environ.get(f"ZENML_{key.upper()}"):
        return UUID(chosen).hex
    # In a repository the one of the user does not count, not even in place of none.
    own = config if of_folder is None else _values(of_folder)
    return UUID(own.get(key, "")).hex


def repository() -> Path | None:
    """Return the configuration of the repository that ZenML finds from here."""
    name = os.environ.get("ZENML_REPOSITORY_DIRECTORY_NAME", ".zen")
    chosen = os.environ.get("ZENML_REPOSITORY_PATH")
    here = Path(chosen) if chosen else Path.cwd()
    for folder in (here,) if chosen else (here, *here.parents):
        if (folder / name).is_dir():
            return folder / name / "config.yaml"
    return None


def _artifact_store(db: sqlite3.Connection, stack_id: str) -> tuple[str, Path]:
    rows = db.execute(
        "SELECT c.type, c.id, c.flavor, c.configuration, c.connector_id "
        "FROM stack_composition s JOIN stack_component c ON c.id = s.component_id "
        "WHERE s.stack_id = ?",
        (stack_id,),
    ).fetchall()
    parts = {row[0]: row[1:] for row in rows if row[0] in _LOCAL_PARTS}
    if len(parts) < len(_LOCAL_PARTS) or len(rows) != len({row[0] for row in rows}):
        raise OnlyZenMLKnows("the stack has no orchestrator, or several of a kind")
    for kind, (_, flavor, _, connector) in parts.items():
        if flavor != "local" or connector is not None:
            raise OnlyZenMLKnows(f"the {kind} of the stack is not local")
    component_id, _, settings, _ = parts["artifact_store"]
    return component_id, _root(component_id, settings)


def artifact_roots(here: Ground) -> list[Path]:
    """Return the folders of all artifact stores that are on this machine.

    Raises:
        OnlyZenMLKnows: If the store cannot be read, or one is in a place that is not plain.
    """
    database = f"{here.database.as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(database, uri=True, timeout=_PATIENCE)) as db:
            rows = db.execute(
                "SELECT id, configuration FROM stack_component "
                "WHERE type = 'artifact_store' AND flavor = 'local'"
            ).fetchall()
    except sqlite3.Error as error:
        raise OnlyZenMLKnows(f"the store cannot be read: {error}") from error
    return [_root(component_id, settings) for component_id, settings in rows]


def _root(component_id: str, settings: bytes) -> Path:
    path = json.loads(base64.b64decode(settings)).get("path")
    if path:
        if "{{" in path or "://" in path:
            raise OnlyZenMLKnows(f"the artifact store is in {path!r}")
        return Path(path)
    stores = os.environ.get("ZENML_LOCAL_STORES_PATH")
    folder = Path(stores) if stores else folders.config_folder() / "local_stores"
    return folder / _id(component_id)


def _user(db: sqlite3.Connection) -> tuple[str, str]:
    name = os.environ.get("ZENML_DEFAULT_USER_NAME", "default")
    return _pair(
        db, "SELECT id, name FROM user WHERE name = ? AND NOT is_service_account", name
    )


def _named(db: sqlite3.Connection, table: str, hexadecimal: str) -> tuple[str, str]:
    return _pair(db, f"SELECT id, name FROM {table} WHERE id = ?", hexadecimal)


def _pair(db: sqlite3.Connection, query: str, value: str) -> tuple[str, str]:
    first, second = _one(db, query, value)
    return first, second


def _one(db: sqlite3.Connection, query: str, *values: str) -> tuple[str, ...]:
    """Return the only row; where there is none, or another, ZenML decides."""
    rows = db.execute(query, values).fetchall()
    if len(rows) != 1:
        raise OnlyZenMLKnows(f"{len(rows)} rows for {query!r} with {values}")
    return tuple(rows[0])


def _id(hexadecimal: str) -> str:
    return str(UUID(hexadecimal))
