"""The four services of the rig: cluster, object store, database, ZenML server."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from tests.rig.kube.api import TOKEN, certificate
from tests.rig.processes import Processes, free_ports, listens
from tests.support.store import is_outside

REPOSITORY = Path(__file__).parents[2]
USER = "admin"
PASSWORD = "only-for-the-rig"
S3_KEY, S3_SECRET, BUCKET = "rig", "rig-secret", "kitaru"
_WORKLOADS = "zenml.zen_server.pipeline_execution.in_memory_workload_manager"
_MANAGER_VARIABLE = "ZENML_SERVER_WORKLOAD_MANAGER_IMPLEMENTATION_SOURCE"
_TABLES = Path("/usr/share/mysql")


@dataclass(frozen=True)
class Addresses:
    """The ports of the rig; kept for as long as it lives, over restarts too."""

    cluster: int
    s3: int
    database: int
    server: int

    @property
    def server_url(self) -> str:
        """Where the ZenML server is."""
        return f"http://127.0.0.1:{self.server}"

    @property
    def cluster_url(self) -> str:
        """Where the Kubernetes API is."""
        return f"https://127.0.0.1:{self.cluster}"

    @property
    def s3_url(self) -> str:
        """Where the object store is."""
        return f"http://127.0.0.1:{self.s3}"


def start_cluster(state: Path, at: Addresses, processes: Processes) -> None:
    """Start the Kubernetes API."""
    folder = state / "cluster"
    folder.mkdir(exist_ok=True)
    certificate(folder)
    processes.start(
        "cluster",
        [
            *(sys.executable, "-m", "tests.rig.kube.api"),
            *("--port", str(at.cluster), "--state", folder),
        ],
        environment=_environment(state),
        folder=REPOSITORY,
        ready=lambda: ask_cluster(state, at, "/healthz"),
        within=30,
    )


def ask_cluster(
    state: Path, at: Addresses, path: str, *, method: str = "GET"
) -> object:
    """Return what the Kubernetes API answers."""
    trusted = ssl.create_default_context(cafile=state / "cluster" / "tls.crt")
    request = Request(
        f"{at.cluster_url}{path}",
        headers={"Authorization": f"Bearer {TOKEN}"},
        method=method,
    )
    with urlopen(request, timeout=10, context=trusted) as answer:
        return json.load(answer)


def start_s3(state: Path, at: Addresses, processes: Processes) -> None:
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
    processes.start(
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
        within=60,
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


def has_database() -> bool:
    """Whether MariaDB is installed; without it the server keeps a SQLite file."""
    return shutil.which("mariadbd", path=_system_path()) is not None


def start_database(state: Path, at: Addresses, processes: Processes) -> None:
    """Start MariaDB on a folder of its own."""
    folder = state / "database"
    program = shutil.which("mariadbd", path=_system_path())
    assert program is not None  # `has_database` was asked before
    common = [program, "--no-defaults", "--user=root", f"--datadir={folder}"]
    if not folder.exists():
        folder.mkdir()
        tables = [_TABLES / f"mysql_system_tables{part}.sql" for part in ("", "_data")]
        lines = ["CREATE DATABASE mysql;", "USE mysql;"]
        text = "\n".join([*lines, *(file.read_text() for file in tables)])
        subprocess.run(
            [*common, "--bootstrap"],
            input=text,
            text=True,
            check=True,
            capture_output=True,
            timeout=60,
        )
    processes.start(
        "database",
        [
            *common,
            *("--bind-address=127.0.0.1", f"--port={at.database}"),
            *(f"--socket={state / 'database.sock'}", "--skip-grant-tables"),
        ],
        folder=folder,
        ready=lambda: listens(at.database),
        within=60,
    )


def start_server(
    state: Path,
    at: Addresses,
    processes: Processes,
    *,
    name: str = "server",
    workloads: bool = True,
) -> None:
    """Start the ZenML server.

    Args:
        state: The folder of the rig.
        at: Its addresses.
        processes: Its services.
        name: The name of this service.
        workloads: Whether it continues answered executions by itself.
    """
    folder = state / name
    (folder / "home").mkdir(parents=True, exist_ok=True)
    store = (
        f"mysql://zenml:zenml@127.0.0.1:{at.database}/zenml"
        if has_database()
        else f"sqlite:///{state / 'zenml.db'}"
    )
    manager = f"{_WORKLOADS}.InMemoryWorkloadManager"
    processes.start(
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
            "ZENML_DEFAULT_USER_NAME": USER,
            "ZENML_DEFAULT_USER_PASSWORD": PASSWORD,
            "ZENML_ANALYTICS_OPT_IN": "false",
        }
        | ({_MANAGER_VARIABLE: manager} if workloads else {}),
        folder=folder,
        ready=lambda: ask_server(at, "/api/v1/info"),
        within=120,
    )


def ask_server(at: Addresses, path: str) -> object:
    """Return what the ZenML server answers to everybody."""
    with urlopen(f"{at.server_url}{path}", timeout=5) as answer:
        return json.load(answer)


def _environment(state: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not is_outside(name)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"HOME": str(state), "PATH": _system_path()}


def _system_path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
