"""Ask the services of the rig over HTTP: a look that costs no process, and changes nothing."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.rig.kube.api import TOKEN

USER = "admin"
PASSWORD = "only-for-the-rig"
_ANSWER_SECONDS = 10


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


def cluster(
    state: Path, at: Addresses, path: str, *, method: str = "GET", body: object = None
) -> object:
    """Return what the Kubernetes API answers."""
    request = Request(
        f"{at.cluster_url}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {TOKEN}"},
        method=method,
    )
    certificate = state / "cluster" / "tls.crt"
    trusted = _trust(certificate, certificate.stat().st_mtime_ns)
    with urlopen(request, timeout=_ANSWER_SECONDS, context=trusted) as answer:
        return json.load(answer)


def server(at: Addresses, path: str) -> object:
    """Return what the ZenML server answers to everybody."""
    with urlopen(f"{at.server_url}{path}", timeout=_ANSWER_SECONDS) as answer:
        return json.load(answer)


def run_status(at: Addresses, execution_id: str) -> str:
    """Return the status of an execution as ZenML keeps it."""
    headers = {"Authorization": f"Bearer {_token(at.server_url)}"}
    url = f"{at.server_url}/api/v1/runs/{execution_id}/status"
    with urlopen(Request(url, headers=headers), timeout=_ANSWER_SECONDS) as answer:
        return str(json.load(answer))


@cache
def _trust(certificate: Path, _made: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


@cache
def _token(server_url: str) -> str:
    """Log in, once; servers of one rig know each other's tokens, also after a restart."""
    form = urlencode({"username": USER, "password": PASSWORD}).encode()
    with urlopen(f"{server_url}/api/v1/login", form, _ANSWER_SECONDS) as answer:
        return str(json.load(answer)["access_token"])
