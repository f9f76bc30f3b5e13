"""Processes that outlive the command which starts them, and are stopped by pid."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

_STOP_SECONDS = 3.0
_READY_SECONDS = 120.0
_LOOK_AGAIN = 0.05
_PORTS = range(20_000, 32_000)
# A parent that died before the kernel was told of its wish is not its parent any more.
_UNLESS_ORPHANED = '[ "$PPID" = "$0" ] || exit 1; exec "$@"'


class NotStarted(RuntimeError):
    """A service did not come up; the message has the end of its log."""


class Starting:
    """A service that was started and may not be ready yet."""

    def __init__(
        self,
        name: str,
        child: subprocess.Popen[bytes],
        log: Path,
        ready: Callable[[], object],
    ) -> None:
        self._name = name
        self._child = child
        self._log = log
        self._ready = ready

    def wait(self, within: float = _READY_SECONDS) -> None:
        """Return when it is ready.

        Raises:
            NotStarted: If it ended, or was not ready in time.
        """
        deadline = time.monotonic() + within
        while not _is_ready(self._ready):
            code = self._child.poll()
            if code is not None or time.monotonic() > deadline:
                ended = "hangs" if code is None else f"ended with {code}"
                text = self._log.read_text(errors="replace")[-2000:]
                raise NotStarted(f"{self._name} {ended}; the end of its log:\n{text}")
            time.sleep(_LOOK_AGAIN)


class Processes:
    """The services of one rig, noted in a folder: one file each with pid and start.

    Mortal ones die with the process that starts them, however that ends.
    """

    def __init__(self, state: Path, *, mortal: bool) -> None:
        self._folder = state / "services"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._mortal = mortal

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path,
        ready: Callable[[], object],
    ) -> Starting:
        """Start a service; `ready` says when it can be used."""
        log = self.log(name)
        parts = [str(part) for part in command]
        if self._mortal:
            parts = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", _UNLESS_ORPHANED]
            parts += [str(os.getpid()), *map(str, command)]
        with log.open("wb") as output:
            child = subprocess.Popen(
                parts,
                cwd=folder,
                env=dict(environment) if environment is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        born = psutil.Process(child.pid).create_time()
        self._file(name).write_text(json.dumps({"pid": child.pid, "born": born}))
        return Starting(name, child, log, ready)

    def log(self, name: str) -> Path:
        """Return the log of a service."""
        return self._folder / f"{name}.log"

    def all_live(self) -> bool:
        """Whether something was started and all of it lives."""
        files = list(self._folder.glob("*.json"))
        return bool(files) and all(_find(file) for file in files)

    def stop(self, name: str) -> None:
        """Stop a service; kill it if it does not stop."""
        file = self._file(name)
        process = _find(file)
        if process is not None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(_STOP_SECONDS)
                    break
        file.unlink(missing_ok=True)

    def stop_all(self) -> None:
        """Stop every service that was started, the newest first."""
        files = self._folder.glob("*.json")
        for file in sorted(files, key=lambda file: file.stat().st_mtime, reverse=True):
            self.stop(file.stem)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on, all different.

    None of those that connections get from the system: one of them could take a port
    before its service does.
    """
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise NotStarted(f"there are no {count} free ports")


def listens(port: int) -> bool:
    """Whether something takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _find(file: Path) -> psutil.Process | None:
    """Return the process of a file, if it lives and is not another with its pid."""
    try:
        noted = json.loads(file.read_text())
        process = psutil.Process(noted["pid"])
        same = process.create_time() == noted["born"]
        return process if same and process.status() != "zombie" else None
    except (OSError, psutil.NoSuchProcess):
        return None


def _is_ready(ready: Callable[[], object]) -> bool:
    try:
        return bool(ready())
    except OSError:
        return False
