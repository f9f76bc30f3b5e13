"""The HTTPS server of the API: `python -m tests.rig.kube.api --port N --state FOLDER`.

It serves what the official client and ZenML's orchestrator ask for: objects, jobs, pods
and their logs. Beyond Kubernetes it takes `POST /rig/kill/NAMESPACE/POD`.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import signal
import ssl
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.rig.kube.jobs import Jobs
from tests.rig.kube.objects import KINDS, ApiError, Objects, Thing, merge
from tests.rig.kube.pods import Pods

TOKEN = "rig-admin"
_VERSION = {
    "major": "1",
    "minor": "30",
    "gitVersion": "v1.30.0+rig",
    "gitCommit": "0",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.22",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_PATH = re.compile(
    r"(?:/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/([^/]+)(?=/[a-z]))?"
    r"/([a-z]+)(?:/([^/]+))?(?:/(log|status))?"
)
_KILL = re.compile(r"/rig/kill/([^/]+)/([^/]+)")


class Cluster:
    """Everything behind the API."""

    def __init__(self, state: Path, port: int) -> None:
        self.objects = Objects()
        self.pods = Pods(self.objects, state, port)
        self.jobs = Jobs(self.objects, self.pods)
        for name in ("default", "kitaru"):
            self.objects.create("namespaces", None, {"metadata": {"name": name}})
        for name in ("edit", "view"):
            self.objects.create("clusterroles", None, {"metadata": {"name": name}})
        self.objects.create("nodes", None, {"metadata": {"name": "rig"}, "status": {}})

    def create(self, plural: str, namespace: str | None, thing: Thing) -> Thing:
        """Keep an object and start what it stands for."""
        if plural == "pods":
            thing["status"] = {"phase": "Pending"}
        if plural == "secrets":
            plain = thing.pop("stringData", None) or {}
            data = {k: base64.b64encode(v.encode()).decode() for k, v in plain.items()}
            thing["data"] = (thing.get("data") or {}) | data
        with self.objects.lock:
            made = self.objects.create(plural, namespace, thing)
            if plural == "pods":
                self.pods.start(made)
            if plural == "jobs":
                self.jobs.start(made)
            return made

    def change(
        self, plural: str, namespace: str | None, name: str, new: Thing
    ) -> Thing:
        """Change an object as a merge patch says."""
        with self.objects.lock:
            thing = self.objects.get(plural, namespace, name)
            merge(thing, new)
            return self.objects.changed(thing)

    def delete(
        self, plural: str, namespace: str | None, name: str, options: Thing
    ) -> Thing:
        """Delete an object and end what it stands for."""
        thing = self.objects.get(plural, namespace, name)
        if plural == "pods":
            self.pods.delete(thing, options.get("gracePeriodSeconds"))
        elif plural == "jobs":
            self.jobs.delete(thing, orphan=options.get("propagationPolicy") == "Orphan")
        else:
            self.objects.remove(plural, namespace, name)
        return thing


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer any method."""
        try:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length) if length else b""
            self._answer(json.loads(text) if text else {})
        except ApiError as error:
            status = {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "message": str(error),
                "reason": error.reason,
                "code": error.code,
            }
            self._send(status, error.code)
        except BrokenPipeError:
            pass

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _answer(self, body: Any) -> None:
        url = urlsplit(self.path)
        path = url.path.rstrip("/")
        if path in ("/healthz", "/readyz", "/livez"):
            return self._send({"ok": True})
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != TOKEN and token not in self.cluster.pods.tokens:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        if path == "/version":
            return self._send(_VERSION)
        if killed := _KILL.fullmatch(path):
            pod = self.cluster.objects.get("pods", *killed.groups())
            self.cluster.pods.kill(pod, signal.SIGKILL)
            return self._send({})
        return self._answer_for_objects(path, dict(parse_qsl(url.query)), body)

    def _answer_for_objects(self, path: str, query: dict[str, str], body: Any) -> None:
        found = _PATH.fullmatch(path)
        if not found or found[2] not in KINDS:
            raise ApiError(404, "NotFound", f"this cluster has no {path}")
        namespace, plural, name, part = found.groups()
        cluster = self.cluster
        if part == "log":
            return self._send_log(cluster.objects.get("pods", namespace, name), query)
        if self.command == "POST":
            return self._send(cluster.create(plural, namespace, body), 201)
        if self.command == "GET" and name:
            return self._send(cluster.objects.get(plural, namespace, name))
        if self.command == "GET":
            return self._send(self._list(plural, namespace, query))
        if self.command == "PATCH" and isinstance(body, dict):
            return self._send(cluster.change(plural, namespace, name, body))
        if self.command == "DELETE" and name:
            options = {**query, **body}
            return self._send(cluster.delete(plural, namespace, name, options))
        raise ApiError(405, "MethodNotAllowed", f"{self.command} {path}")

    def _list(self, plural: str, namespace: str | None, query: dict[str, str]) -> Thing:
        objects, kind = self.cluster.objects, KINDS[plural]
        return {
            "kind": f"{kind.name}List",
            "apiVersion": kind.group,
            "metadata": {"resourceVersion": objects.version},
            "items": objects.select(
                plural,
                namespace,
                query.get("labelSelector", ""),
                query.get("fieldSelector", ""),
            ),
        }

    def _send_log(self, pod: Thing, query: dict[str, str]) -> None:
        file = self.cluster.pods.log(pod)
        while query.get("follow") == "true" and pod["status"]["phase"] in (
            "Pending",
            "Running",
        ):
            time.sleep(0.1)
        data = file.read_bytes() if file.exists() else b""
        if "tailLines" in query:
            data = b"".join(data.splitlines(keepends=True)[-int(query["tailLines"]) :])
        self._send_bytes(data, 200, "text/plain")

    def _send(self, thing: Any, code: int = 200) -> None:
        with self.cluster.objects.lock:
            data = json.dumps(thing).encode()
        self._send_bytes(data, code, "application/json")

    def _send_bytes(self, data: bytes, code: int, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def certificate(state: Path) -> Path:
    """Return the certificate of the API, made once."""
    file, key = state / "tls.crt", state / "tls.key"
    if not file.exists():
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"),
                *("-days", "2", "-keyout", str(key), "-out", str(file)),
                *("-subj", "/CN=127.0.0.1"),
                *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
    return file


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    wanted = parser.parse_args()
    state: Path = wanted.state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(state), state / "tls.key")
    cluster = Handler.cluster = Cluster(state, wanted.port)
    server = ThreadingHTTPServer(("127.0.0.1", wanted.port), Handler)
    server.daemon_threads = True
    # The handshake belongs into the thread of the request.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )

    def leave(*_: Any) -> None:
        cluster.pods.end_all()
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    server.serve_forever()


if __name__ == "__main__":
    main()
