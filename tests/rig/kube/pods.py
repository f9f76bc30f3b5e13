"""Run pods: environment, service account, life and death."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.rig.kube import sandbox
from tests.rig.kube.objects import ApiError, Objects, Thing, now

_GRACE = 30.0
_HOME = "/root"


class Pods:
    """The pods of the cluster, each a process."""

    def __init__(self, objects: Objects, state: Path, port: int) -> None:
        self._objects = objects
        self._state = state
        self._port = port
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.tokens: set[str] = set()
        # Told of every pod that has ended.
        self.on_end: Callable[[Thing], None] = lambda pod: None
        for folder in ("logs", "pods"):
            (state / folder).mkdir(parents=True, exist_ok=True)

    def start(self, pod: Thing) -> None:
        """Start a pod."""
        threading.Thread(target=self._run, args=(pod,), daemon=True).start()

    def log(self, pod: Thing) -> Path:
        """Return the file of what a pod has printed."""
        return self._state / "logs" / f"{pod['metadata']['uid']}.log"

    def kill(
        self, pod: Thing, number: int = signal.SIGTERM, grace: float | None = None
    ) -> bool:
        """Send a pod a signal, and SIGKILL later; false if it does not run."""
        process = self._processes.get(pod["metadata"]["uid"])
        if process is None:
            return False
        if grace is None:
            grace = pod["spec"].get("terminationGracePeriodSeconds", _GRACE)

        def end() -> None:
            _signal_first(process, number)
            try:
                process.wait(grace)
            except subprocess.TimeoutExpired:
                _signal_first(process, signal.SIGKILL)

        threading.Thread(target=end, daemon=True).start()
        return True

    def delete(self, pod: Thing, grace: float | None = None) -> None:
        """End a pod and forget it."""
        meta = pod["metadata"]
        with self._objects.lock:
            meta["deletionTimestamp"] = now()
            if not self.kill(pod, grace=grace):
                self._objects.remove("pods", meta["namespace"], meta["name"])

    def end_all(self) -> None:
        """Kill every pod at once."""
        for process in list(self._processes.values()):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _run(self, pod: Thing) -> None:
        meta = pod["metadata"]
        container = pod["spec"]["containers"][0]
        try:
            environment = self._environment(pod, container)
        except ApiError as error:
            waiting = {"reason": error.reason, "message": str(error)}
            self._set(pod, "Pending", container, {"waiting": waiting})
            return
        folder = self._state / "pods" / meta["uid"]
        token = self._write_tokens(folder / "tokens", meta["namespace"])
        program = sandbox.Program(
            name=meta["name"],
            command=[*(container.get("command") or []), *(container.get("args") or [])],
            folder=container.get("workingDir") or "/app",
            environment=environment,
        )
        begun = now()
        process = sandbox.start(program, folder, self.log(pod))
        self._processes[meta["uid"]] = process
        pod["status"] |= {"startTime": begun, "podIP": "127.0.0.1"}
        self._set(pod, "Running", container, {"running": {"startedAt": begun}})
        code = process.wait()
        code = code if code >= 0 else 128 - code
        self._processes.pop(meta["uid"])
        self.tokens.discard(token)
        shutil.rmtree(folder, ignore_errors=True)
        ended = {
            "exitCode": code,
            "reason": "Completed" if code == 0 else "Error",
            "startedAt": begun,
            "finishedAt": now(),
        }
        phase = "Succeeded" if code == 0 else "Failed"
        self._set(pod, phase, container, {"terminated": ended})
        if meta.get("deletionTimestamp"):
            self._objects.remove("pods", meta["namespace"], meta["name"])
        self.on_end(pod)

    def _set(self, pod: Thing, phase: str, container: Thing, state: Thing) -> None:
        with self._objects.lock:
            pod["status"] |= {
                "phase": phase,
                "containerStatuses": [
                    {
                        "name": container["name"],
                        "image": container["image"],
                        "imageID": container["image"],
                        "ready": "running" in state,
                        "restartCount": 0,
                        "state": state,
                        "lastState": {},
                    }
                ],
            }
            self._objects.changed(pod)

    def _write_tokens(self, folder: Path, namespace: str) -> str:
        folder.mkdir(parents=True)
        token = f"sa-{secrets.token_hex(16)}"
        self.tokens.add(token)
        (folder / "token").write_text(token)
        (folder / "namespace").write_text(namespace)
        shutil.copy(self._state / "tls.crt", folder / "ca.crt")
        return token

    def _environment(self, pod: Thing, container: Thing) -> dict[str, str]:
        meta = pod["metadata"]
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": _HOME,
            "HOSTNAME": meta["name"],
            "LANG": "C.UTF-8",
            # As in ZenML's own images.
            "PYTHONUNBUFFERED": "1",
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(self._port),
        }
        for entry in container.get("envFrom") or []:
            environment |= self._all_of(meta["namespace"], entry)
        for entry in container.get("env") or []:
            source = entry.get("valueFrom")
            value = self._one_of(pod, source) if source else entry.get("value") or ""
            if value is not None:
                environment[entry["name"]] = value
        return environment

    def _all_of(self, namespace: str, entry: Thing) -> dict[str, str]:
        reference = entry.get("secretRef") or entry.get("configMapRef")
        plural = "secrets" if entry.get("secretRef") else "configmaps"
        found = self._objects.get(plural, namespace, reference["name"])
        prefix = entry.get("prefix") or ""
        return {
            prefix + key: _text(plural, value)
            for key, value in (found.get("data") or {}).items()
        }

    def _one_of(self, pod: Thing, source: Thing) -> str | None:
        if field := source.get("fieldRef"):
            found: Any = pod
            for step in field["fieldPath"].split("."):
                found = (found or {}).get(step)
            return None if found is None else str(found)
        reference = source.get("secretKeyRef") or source.get("configMapKeyRef")
        plural = "secrets" if source.get("secretKeyRef") else "configmaps"
        namespace, name = pod["metadata"]["namespace"], reference["name"]
        data = (self._objects.look(plural, namespace, name) or {}).get("data") or {}
        if reference["key"] in data:
            return _text(plural, data[reference["key"]])
        if reference.get("optional"):
            return None
        message = f"{plural[:-1]} {name!r} has no key {reference['key']!r}"
        raise ApiError(0, "CreateContainerConfigError", message)


def _text(plural: str, value: str) -> str:
    return base64.b64decode(value).decode() if plural == "secrets" else value


def _signal_first(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to the first process of a pod; killing that kills the pod."""
    file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    with contextlib.suppress(OSError):
        for pid in file.read_text().split():
            os.kill(int(pid), number)
