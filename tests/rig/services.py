"""The four services of the rig: cluster, object store, database, ZenML server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.rig import asking
from tests.rig.asking import Addresses
from tests.rig.kube.api import certificate
from tests.rig.processes import (
    NotStarted,
    Processes,
    Starting,
    free_ports,
    listens,
)
from tests.support.store import is_outside

REPOSITORY = Path(__file__).parents[2]
MARIADB, SQLITE = "MariaDB", "SQLite"
CHOICE = "RIG_DATABASE"
S3_KEY, S3_SECRET, BUCKET = "rig", "rig-secret", "kitaru"
_WORKLOADS = "zenml.zen_server.pipeline_execution.in_memory_workload_manager"
_MANAGER_VARIABLE = "ZENML_SERVER_WORKLOAD_MANAGER_IMPLEMENTATION_SOURCE"
_TABLES = Path("/usr/share/mysql")


def start_cluster(state: Path, at: Addresses, processes: Processes) -> Starting:
    """Start the Kubernetes API."""
    folder = state / "cluster"
    folder.mkdir(exist_ok=True)
    certificate(folder)
    return processes.start(
        "cluster",
        [
            *(sys.executable, "-m", "tests.rig.kube.api"),
            *("--port", str(at.cluster), "--state", folder),
        ],
        environment=_environment(state),
        folder=REPOSITORY,
        ready=lambda: asking.cluster(state, at, "/healthz"),
    )


def start_s3(state: Path, at: Addresses, processes: Processes) -> Starting:
    """Start the object store."""
    folder = state / "s3"
    folder.mkdir(exist_ok=True)
    credentials = [{"accessKey": S3_KEY, "secretKey": S3_SECRET}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "rig", "credentials": credentials, "actions": actions}
    (state / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = ("master", "master.port.grpc", "volume", "volume.port.grpc")
    names += ("filer", "filer.port.grpc", "s3.port.grpc")
    ports = [
        f"-{name if '.port' in name else name + '.port'}={port}"
        for name, port in zip(names, free_ports(len(names)), strict=True)
    ]
    return processes.start(
        "s3",
        [
            *(Path(sys.executable).with_name("weed"), "server"),
            *(f"-dir={folder}", "-ip=127.0.0.1", "-master.telemetry=false"),
            *("-volume.max=20", "-master.volumeSizeLimitMB=64", "-filer"),
            *("-s3", f"-s3.port={at.s3}", f"-s3.config={state / 's3.json'}"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", *ports),
        ],
        folder=folder,
        ready=lambda: listens(at.s3) and _make_bucket(at),
    )


def _make_bucket(at: Addresses) -> bool:
    """Make the bucket; the store listens before it can."""
    import s3fs

    store = s3fs.S3FileSystem(**s3_options(at), skip_instance_cache=True)
    if not store.exists(BUCKET):
        store.mkdir(BUCKET)
    return bool(store.exists(BUCKET))


def s3_options(at: Addresses) -> dict[str, object]:
    """Return what a client of the object store needs."""
    where = {"endpoint_url": at.s3_url, "region_name": "us-east-1"}
    return {"key": S3_KEY, "secret": S3_SECRET, "client_kwargs": where}


def has_mariadb() -> bool:
    """Whether MariaDB is installed."""
    return shutil.which("mariadbd", path=system_path()) is not None


def is_chosen(database: str) -> bool:
    """Whether the variable `RIG_DATABASE` names a database."""
    return os.environ.get(CHOICE, "").lower() == database.lower()


def chosen_database() -> str:
    """Return what the server is to keep its records in: MariaDB if that is installed.

    Raises:
        ValueError: If `RIG_DATABASE` names something else.
    """
    for database in (MARIADB, SQLITE):
        if is_chosen(database):
            return database
    if wanted := os.environ.get(CHOICE):
        raise ValueError(f"{CHOICE} is {wanted!r}; it can be: mariadb, sqlite")
    return MARIADB if has_mariadb() else SQLITE


def start_database(state: Path, at: Addresses, processes: Processes) -> Starting:
    """Start MariaDB on a folder of its own."""
    folder = state / "database"
    program = shutil.which("mariadbd", path=system_path())
    if program is None:
        raise FileNotFoundError(
            "MariaDB is not installed; do so with: make rig-database"
        )
    # In a shared folder, temporary tables of two that are set up at once have one name.
    scratch = state / "database-scratch"
    common = [program, "--no-defaults", "--user=root", f"--datadir={folder}"]
    common.append(f"--tmpdir={scratch}")
    if not folder.exists():
        folder.mkdir()
        scratch.mkdir()
        tables = [_TABLES / f"mysql_system_tables{part}.sql" for part in ("", "_data")]
        lines = ["CREATE DATABASE mysql;", "USE mysql;"]
        text = "\n".join([*lines, *(file.read_text() for file in tables)])
        done = subprocess.run(
            [*common, "--bootstrap"],
            input=text,
            text=True,
            check=False,
            capture_output=True,
            timeout=60,
        )
        if done.returncode:
            raise NotStarted(f"MariaDB was not set up:\n{done.stderr[-2000:]}")
    return processes.start(
        "database",
        [
            *common,
            *("--bind-address=127.0.0.1", f"--port={at.database}"),
            # Relative to the folder: the path of a socket must be short.
            *("--socket=database.sock", "--skip-grant-tables"),
        ],
        folder=folder,
        ready=lambda: listens(at.database),
    )


def start_server(
    state: Path,
    at: Addresses,
    processes: Processes,
    *,
    name: str = "server",
    database: str,
    workloads: bool = True,
) -> Starting:
    """Start the ZenML server.

    Args:
        state: The folder of the rig.
        at: Its addresses.
        processes: Its services.
        name: The name of this service.
        database: What it keeps its records in.
        workloads: Whether it continues answered executions by itself.
    """
    folder = state / name
    (folder / "home").mkdir(parents=True, exist_ok=True)
    store = (
        f"mysql://zenml:zenml@127.0.0.1:{at.database}/zenml"
        if database == MARIADB
        else f"sqlite:///{state / 'zenml.db'}"
    )
    manager = f"{_WORKLOADS}.InMemoryWorkloadManager"
    return processes.start(
        name,
        [
            *(sys.executable, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app"),
            *("--host", "127.0.0.1", "--port", str(at.server), "--log-level", "info"),
        ],
        environment=_environment(state)
        | {
            "HOME": str(folder / "home"),
            "ZENML_CONFIG_PATH": str(folder / "config"),
            "ZENML_SERVER": "true",
            "ZENML_STORE_TYPE": "sql",
            "ZENML_STORE_URL": store,
            "ZENML_STORE_SSL": "false",
            "ZENML_SERVER_DEPLOYMENT_TYPE": "other",
            "ZENML_SERVER_AUTH_SCHEME": "OAUTH2_PASSWORD_BEARER",
            "ZENML_SERVER_JWT_SECRET_KEY": "only-for-tests-" * 3,
            "ZENML_SERVER_AUTO_ACTIVATE": "true",
            "ZENML_SERVER_SERVER_URL": at.server_url,
            "ZENML_DEFAULT_USER_NAME": asking.USER,
            "ZENML_DEFAULT_USER_PASSWORD": asking.PASSWORD,
            "ZENML_ANALYTICS_OPT_IN": "false",
        }
        | ({_MANAGER_VARIABLE: manager} if workloads else {}),
        folder=folder,
        ready=lambda: asking.server(at, "/api/v1/info"),
    )


def _environment(state: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not is_outside(name)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"HOME": str(state), "PATH": system_path()}


def system_path() -> str:
    """Return where programs are, those of the system included."""
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
