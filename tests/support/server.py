"""A real ZenML server with authentication, on a copy of the prepared store."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.support.polling import DEADLINE, eventually
from tests.support.store import is_outside

USER = "default"
PASSWORD = "correct-horse-battery"


@dataclass(frozen=True)
class RunningServer:
    """Where it is, and credentials for it."""

    url: str
    token: str = ""
    api_key: str = ""
    user: str = USER
    password: str = PASSWORD

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be seen anywhere."""
        return (self.api_key, self.token, self.password)

    def ask(
        self,
        path: str,
        *,
        token: str | None = None,
        form: Mapping[str, str] | None = None,
        body: Any = None,
        method: str | None = None,
    ) -> Any:
        """Return what the server answers."""
        data = urlencode(form).encode() if form is not None else None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            data, headers["Content-Type"] = (
                json.dumps(body).encode(),
                "application/json",
            )
        request = Request(
            f"{self.url}/api/v1{path}", data=data, headers=headers, method=method
        )
        with urlopen(request, timeout=DEADLINE) as answer:
            return json.load(answer)

    def log_in(self, password: str) -> str:
        """Return a token for the user."""
        form = {"username": self.user, "password": password}
        return str(self.ask("/login", form=form)["access_token"])


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(prepared: Path, folder: Path) -> Iterator[RunningServer]:
    """Run a server until the `with` block ends."""
    folder.mkdir(parents=True)
    store = folder / "store"
    shutil.copytree(prepared / "local_stores" / "default_zen_store", store)
    port = free_port()
    log = (folder / "log").open("wb")
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app"),
            *("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"),
        ],
        cwd=folder,
        env=_environment(folder, store),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    server = RunningServer(f"http://127.0.0.1:{port}")
    try:
        eventually(
            lambda: child.poll() is not None or _answers(server),
            what=lambda: f"a server:\n{(folder / 'log').read_text()}",
        )
        assert child.poll() is None, (folder / "log").read_text()
        yield _with_credentials(server)
    finally:
        child.kill()
        child.wait()
        log.close()


def _environment(folder: Path, store: Path) -> dict[str, str]:
    home = folder / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not is_outside(name)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {
        "HOME": str(home),
        "ZENML_CONFIG_PATH": str(folder / "config"),
        "ZENML_SERVER": "true",
        "ZENML_STORE_TYPE": "sql",
        "ZENML_STORE_URL": f"sqlite:///{store / 'zenml.db'}",
        "ZENML_SERVER_DEPLOYMENT_TYPE": "other",
        "ZENML_SERVER_AUTH_SCHEME": "OAUTH2_PASSWORD_BEARER",
        "ZENML_SERVER_JWT_SECRET_KEY": "only-for-tests-" * 3,
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_ANALYTICS_OPT_IN": "false",
    }


def _answers(server: RunningServer) -> bool:
    try:
        return bool(server.ask("/info"))
    except (URLError, ConnectionError, TimeoutError):
        return False


def _with_credentials(server: RunningServer) -> RunningServer:
    """Give the user a password, and a service account with a key."""
    change = {"password": PASSWORD, "old_password": ""}
    server.ask("/current-user", token=server.log_in(""), body=change, method="PUT")
    token = server.log_in(PASSWORD)
    account = server.ask(
        "/service_accounts", token=token, body={"name": "robot", "active": True}
    )
    key = server.ask(
        f"/service_accounts/{account['id']}/api_keys",
        token=token,
        body={"name": "first"},
    )
    return RunningServer(server.url, token, key["body"]["key"])
