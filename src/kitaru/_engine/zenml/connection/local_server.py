"""The ZenML server with its dashboard, on this machine.

It serves the very store that Kitaru works with, so that executions go on working with
the store directly: a server that dies takes nothing with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import requests
from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.constants import ENV_ZENML_DISABLE_DATABASE_MIGRATION
from zenml.enums import AuthScheme
from zenml.models import ServerDeploymentType, UserUpdate

from kitaru import _recorded_names as recorded_names
from kitaru._engine.disk import durable_files, locks, private
from kitaru._engine.journal.leases import Holder
from kitaru._engine.port.connections import START_SECONDS, Progress
from kitaru._engine.settings import folders, server_token
from kitaru._engine.zenml.setup import importing
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import (
    KitaruBackendError,
    KitaruFeatureNotAvailableError,
    KitaruStateError,
    KitaruUsageError,
)
from kitaru.models import LocalServer

HOST = "127.0.0.1"
PORT = 8237
RUNS_PAGE = "/projects/default/runs"
# Set for the server: whose executions it serves, and what its clients must not see.
FOLDER_VARIABLE = "KITARU_SERVED_FOLDER"
_HIDDEN_VARIABLE = "KITARU_SERVER_ONLY"
_NEEDED = ("fastapi", "uvicorn", "jwt", "python_multipart")
_STOP_SECONDS = 10.0
_POLL = 0.2


@dataclass(frozen=True, slots=True)
class _Running:
    """What is noted of the server that runs."""

    port: int
    host: str
    pid: int
    started: str

    @property
    def holder(self) -> Holder:
        return Holder(self.host, self.pid, self.started)

    @property
    def is_alive(self) -> bool:
        return self.holder.is_here and self.holder.is_alive(0)


def find() -> LocalServer | None:
    """Return the running server: ours, or one that `zenml login --local` started."""
    noted = _noted()
    if noted is not None and noted.is_alive:
        return _record(noted.port, noted.pid)
    return _zenml_own()


def start(*, port: int | None, progress: Progress) -> LocalServer:
    """Start the server and wait until it answers.

    Raises:
        KitaruFeatureNotAvailableError: If its packages are not installed.
        KitaruUsageError: If the port is no port.
        KitaruStateError: If the port is taken.
        KitaruBackendError: If it does not come up.
    """
    _check_packages()
    with _only_one():
        server_token.make()
        found = find()
        if found is not None:
            return found
        chosen = _free_port(port)
        with translated("preparing the store for the server"):
            _skip_survey()
        progress("Starting the local server")
        child = _spawn(chosen)
        try:
            _wait_until_it_answers(child, chosen, progress)
        except BaseException:
            child.kill()
            child.wait()
            raise
        holder = Holder.of(child.pid)
        running = _Running(chosen, holder.host, holder.pid, holder.started)
        file = _folder() / "server.json"
        durable_files.write(file, json.dumps(asdict(running)).encode())
    return _record(chosen, child.pid, started=True)


def client_environment(folder: str) -> dict[str, str]:
    """Return the variables for a client that this process, the server, starts.

    Args:
        folder: The configuration folder that is served.
    """
    hidden = set(os.environ.get(_HIDDEN_VARIABLE, "").split(","))
    hidden |= {FOLDER_VARIABLE, _HIDDEN_VARIABLE}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return kept | {"KITARU_CONFIG_PATH": folder}


def stop() -> LocalServer | None:
    """Stop the server; return what was stopped."""
    with _only_one():
        noted = _noted()
        if noted is None or not noted.is_alive:
            _forget()
            return _stop_zenml_own()
        _end(noted)
        _forget()
    return _record(noted.port, noted.pid)


def _end(running: _Running) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while running.is_alive:
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGKILL)
            deadline += _STOP_SECONDS
        time.sleep(_POLL / 4)


def _record(port: int, pid: int | None, *, started: bool = False) -> LocalServer:
    url = f"http://{HOST}:{port}"
    return LocalServer(url=url, dashboard_url=url + RUNS_PAGE, pid=pid, started=started)


def _folder() -> Path:
    folder = folders.own_folder() / "server"
    private.make_folder(folder)
    return folder


def _noted() -> _Running | None:
    try:
        facts = json.loads((_folder() / "server.json").read_text())
        return _Running(**facts)
    except (OSError, ValueError, TypeError):
        return None


def _forget() -> None:
    (_folder() / "server.json").unlink(missing_ok=True)


def _only_one() -> AbstractContextManager[None]:
    """Let one process at a time start or stop the server."""
    return locks.held(_folder() / "lock")


def _check_packages() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise KitaruFeatureNotAvailableError(
            f"the local server needs packages that are not installed "
            f"({', '.join(missing)}); install them with: pip install 'kitaru[local]'"
        )


def _free_port(wanted: int | None) -> int:
    if wanted is not None and not 1 <= wanted <= 65535:
        raise KitaruUsageError(f"{wanted} is not a port; ports go from 1 to 65535")
    for port in (wanted,) if wanted is not None else (PORT, 0):
        with socket.socket() as probe:
            # As the server does; else a port just left counts as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise KitaruStateError(
        f"port {wanted} is taken by another program; choose one with --port, or leave it "
        "out to get a free one"
    )


def _spawn(port: int) -> subprocess.Popen[bytes]:
    with open(_folder() / "server.log", "wb", opener=private.opener) as log:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn"),
                recorded_names.SERVER_APP,
                *("--host", HOST, "--port", str(port)),
                *("--log-level", "warning", "--no-server-header"),
            ],
            cwd=_folder(),
            env=_environment(port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _environment(port: int) -> dict[str, str]:
    """Return what ZenML's own local server gets, without what is for its clients."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ZENML_STORE_", "KITARU_AUTH_TOKEN"))
    }
    configuration = GlobalConfiguration()
    only = {
        "ZENML_SERVER": "true",
        "ZENML_SERVER_ALLOW_LOCAL_FILE_ACCESS": "true",
        "ZENML_CONFIG_PATH": str(_folder() / "config"),
        "ZENML_LOCAL_STORES_PATH": configuration.local_stores_path,
        "ZENML_ANALYTICS_OPT_IN": str(configuration.analytics_opt_in),
        "ZENML_USER_ID": str(configuration.user_id),
        "ZENML_SERVER_AUTH_SCHEME": AuthScheme.NO_AUTH.value,
        "ZENML_SERVER_DEPLOYMENT_TYPE": ServerDeploymentType.LOCAL.value,
        ENV_ZENML_DISABLE_DATABASE_MIGRATION: "True",
        "ZENML_SERVER_AUTO_ACTIVATE": "True",
        # ZenML's default lets the page of any site read what is answered.
        "ZENML_SERVER_CORS_ALLOW_ORIGINS": f"http://{HOST}:{port}",
    }
    # For its watchman, whose helpers are clients.
    folder = {
        FOLDER_VARIABLE: str(folders.config_folder()),
        _HIDDEN_VARIABLE: ",".join(only),
    }
    return kept | only | folder


def _wait_until_it_answers(
    child: subprocess.Popen[bytes], port: int, progress: Progress
) -> None:
    begun = time.monotonic()
    told = 0
    while not _answers(port):
        waited = time.monotonic() - begun
        if child.poll() is not None:
            raise KitaruBackendError(
                f"the local server ended at once: {_last_words()}; its log is "
                f"{_folder() / 'server.log'}"
            )
        if waited > START_SECONDS:
            raise KitaruBackendError(
                f"the local server did not answer within {START_SECONDS:g} s; its log is "
                f"{_folder() / 'server.log'}"
            )
        if waited > told + 3:
            told = int(waited)
            progress(f"Still starting, after {told} s")
        time.sleep(_POLL)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://{HOST}:{port}/health", timeout=2).ok
    except requests.exceptions.RequestException:
        return False


def _last_words() -> str:
    lines = (_folder() / "server.log").read_text(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return said[-1] if said else "it said nothing"


def _skip_survey() -> None:
    """Mark the user as surveyed, or the dashboard shows a survey instead of runs.

    It asks for name, e-mail address and purpose while `email_opted_in` is unknown or the
    mark is missing. The answer given here is no.
    """
    user = Client().active_user
    mark = "finished_onboarding_survey"
    if user.email_opted_in is not None and user.user_metadata.get(mark):
        return
    Client().zen_store.update_user(
        user.id,
        UserUpdate(
            email_opted_in=bool(user.email_opted_in),
            user_metadata={**user.user_metadata, mark: True},
        ),
    )


def _zenml_own() -> LocalServer | None:
    """Return the server that `zenml login --local` started, if it answers."""
    if not (folders.config_folder() / "zen_server").is_dir():
        return None
    from zenml.utils.server_utils import get_local_server

    with translated("looking for a local server"):
        found = get_local_server()
    if found is None or found.status is None or not found.status.url:
        return None
    url = found.status.url.rstrip("/")
    return LocalServer(url=url, dashboard_url=url + RUNS_PAGE)


def _stop_zenml_own() -> LocalServer | None:
    running = _zenml_own()
    if running is None:
        return None
    from zenml.zen_server.deploy.deployer import LocalServerDeployer

    with translated("stopping the local server"), importing.quiet():
        LocalServerDeployer().remove_server()
    return running
